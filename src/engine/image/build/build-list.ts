// A build for several platforms: an image for each, one after the other, and a list of them.
import type { BuildOutcome, BuildOutput, BuildRequest } from '#engine/contracts/build.ts'
import { hostPlatform } from '#engine/image/import.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { blobSize } from '#image/blobs.ts'
import { emptyIndex, findList, withMember, writeList } from '#image/manifest-list.ts'
import { fullTagName } from '#image/store.ts'
import { type Digest, hexOf } from '#oci/digest.ts'
import { ociManifest } from '#oci/media-types.ts'
import { normalizePlatform, parsePlatform } from '#oci/platform.ts'

/** Builds one platform without a name, with these outputs. */
type BuildOne = (platform: string | undefined, outputs: BuildOutput[]) => Promise<BuildOutcome>

/** Names become lists of what was built now; `--manifest` adds to the list that is there. */
export async function buildList(
  engine: Engine,
  request: BuildRequest,
  names: string[],
  buildOne: BuildOne,
): Promise<BuildOutcome> {
  if (request.platforms.length > 1 && request.cacheTo.some(({ kind }) => kind !== 'inline'))
    throw new TspodError('UNSUPPORTED', '--cache-to for several platforms at once is not implemented yet', {
      hint: 'build them one by one, each with a cache of its own',
    })
  const wanted = request.platforms.length === 0 ? [undefined] : request.platforms
  const built: { platform: string | undefined; outcome: BuildOutcome }[] = []
  for (const platform of wanted)
    built.push({ platform, outcome: await buildOne(platform, outputsFor(request, platform)) })
  if (request.outputs.length > 0) return { names: [] }
  const added = request.manifest === undefined ? [] : [fullTagName(request.manifest)]
  let digest: Digest | undefined
  for (const name of new Set([...added, ...names])) {
    const known = added.includes(name) ? findList(engine.graphRoot, name) : undefined
    const start = known ?? { name, index: emptyIndex(), sources: {} }
    const index = built.reduce(
      (sum, { platform, outcome }) => withMember(sum, memberOf(engine, platform, outcome)),
      start.index,
    )
    digest = await writeList(engine.images, { ...start, index })
  }
  const [first] = built
  if (digest === undefined) return { ...first?.outcome, names: [] }
  return { imageId: hexOf(digest), digest, names: [...new Set([...added, ...names])] }
}

function memberOf({ graphRoot, images }: Engine, platform: string | undefined, { digest = '' }: BuildOutcome) {
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

/** Files of several platforms go to a folder each, named as BuildKit names them: `linux_arm64`. */
function outputsFor({ outputs, platforms }: BuildRequest, platform: string | undefined): BuildOutput[] {
  if (platforms.length < 2 || platform === undefined) return outputs
  return outputs.map(output => {
    if (output.kind === 'local') return { ...output, path: `${output.path}/${platform.replaceAll('/', '_')}` }
    throw new TspodError('UNSUPPORTED', `--output type=${output.kind} for several platforms is not implemented yet`, {
      hint: 'use type=local, or build and save the platforms one by one',
    })
  })
}
