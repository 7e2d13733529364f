// A build for several platforms: an image for each, one after the other, and a list of them.
import type { BuildOutcome, BuildOutput, BuildRequest } from '#engine/contracts/build.ts'
import { hostPlatform } from '#engine/image/import.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { blobSize } from '#image/blobs.ts'
import { emptyIndex, findList, withMember, writeList } from '#image/manifest-list.ts'
import { fullTagName } from '#image/store.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, hexOf } from '#oci/digest.ts'
import type { ImageIndex } from '#oci/manifest.ts'
import { ociManifest } from '#oci/media-types.ts'
import { normalizePlatform, parsePlatform } from '#oci/platform.ts'

/** Builds one platform without a name, with these outputs. */
type BuildOne = (platform: string | undefined, outputs: BuildOutput[]) => Promise<BuildOutcome>

/** Names become lists of what was built now, archives of images hold one; `--manifest` adds to the list that is there. */
export async function buildList(
  engine: Engine,
  request: BuildRequest,
  names: string[],
  buildOne: BuildOne,
): Promise<BuildOutcome> {
  const wanted = request.platforms.length === 0 ? [undefined] : request.platforms
  const outputs = wanted.map((_, index) => outputsFor(request, index))
  const archives = request.platforms.length < 2 ? [] : request.outputs.filter(isImages)
  const added = request.manifest === undefined ? [] : [fullTagName(request.manifest)]
  const lists = [...new Set([...added, ...names])]
  const members: Descriptor[] = []
  let first: BuildOutcome | undefined
  for (const [index, platform] of wanted.entries()) {
    const files = outputs[index] ?? []
    if (files.length > 0) await buildOne(platform, files)
    if (files.length > 0 && lists.length === 0 && archives.length === 0) continue
    // where files were written too, every step comes from the cache now
    const outcome = await buildOne(platform, [])
    members.push(memberOf(engine, platform, outcome))
    first ??= outcome
  }
  const withAll = (index: ImageIndex): ImageIndex => members.reduce(withMember, index)
  for (const { target } of archives) {
    const { saveList } = await import('#engine/image/save.ts')
    await saveList(engine, withAll(emptyIndex()), { names: lists, output: target })
  }
  let digest: Digest | undefined
  for (const name of lists) {
    const known = added.includes(name) ? findList(engine.graphRoot, name) : undefined
    const start = known ?? { name, index: emptyIndex(), sources: {} }
    digest = await writeList(engine.images, { ...start, index: withAll(start.index) })
  }
  if (digest === undefined) return { ...(request.outputs.length === 0 && first), names: [] }
  return { imageId: hexOf(digest), digest, names: lists }
}

function memberOf(
  { graphRoot, images }: Engine,
  platform: string | undefined,
  { digest = '' }: BuildOutcome,
): Descriptor {
  const { manifest } = images.open({ digest: digest as Digest })
  const size = blobSize(graphRoot, digest as Digest) ?? 0
  const found = platform === undefined ? hostPlatform() : parsePlatform(platform, hostPlatform())
  return {
    mediaType: manifest.mediaType ?? ociManifest,
    digest: digest as Digest,
    size,
    platform: normalizePlatform(found),
  }
}

const isImages = (output: BuildOutput): output is Extract<BuildOutput, { kind: 'oci' | 'docker' }> =>
  output.kind === 'oci'

/**
 * What is written for each of several platforms: folders, alone or in an archive, named as BuildKit names them (`linux_arm64`). Archives
 * of images are for all at once. Throws UNSUPPORTED.
 */
function outputsFor({ outputs, platforms }: BuildRequest, index: number): BuildOutput[] {
  const platform = platforms[index]
  if (platforms.length < 2 || platform === undefined) return outputs
  const folder = platform.replaceAll('/', '_')
  return outputs.flatMap((output): BuildOutput[] => {
    switch (output.kind) {
      case 'local':
        return [{ ...output, path: `${output.path}/${folder}` }]
      case 'tar':
        return [{ ...output, part: { folder, isFirst: index === 0, isLast: index === platforms.length - 1 } }]
      case 'oci':
        return []
      case 'docker':
        throw new TspodError('UNSUPPORTED', `--output type=docker: docker's archives hold one platform each`, {
          hint: `type=oci takes all ${platforms.length}; or build one platform at a time`,
        })
    }
  })
}
