// Images of an archive that `docker save` makes: manifest.json names a configuration and layers by their files. Host namespaces.
// Such an archive has no manifest that could be kept, so one is made: docker's, schema 2.
import { createHash } from 'node:crypto'
import { TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, digestOf } from '#oci/digest.ts'
import { parseImageConfig } from '#oci/image-config.ts'
import { isArrayOf, isObject, isString } from '#oci/json-shape.ts'
import { parseJson } from '#oci/manifest.ts'
import { dockerConfig, dockerLayer, dockerManifest, sniffCompression } from '#oci/media-types.ts'
import { type ArchiveFiles, readSmallBytes, readSmallFile } from './archive-files.ts'
import type { ArchivedImage } from './archive-image.ts'
import { fullArchivedName } from './archive-names.ts'
import { digestOfBytes } from './blobs.ts'
import { type ImageSource, SourceError } from './source.ts'

/** One image in manifest.json. */
interface DockerItem {
  Config: string
  /** lowest first */
  Layers: string[] | null
  RepoTags?: string[] | null
}

const itemsShape = isArrayOf(
  isObject({ Config: isString }, { Layers: isArrayOf(isString), RepoTags: isArrayOf(isString) }),
)

/** The images that manifest.json names. Throws INVALID. */
export async function readDockerArchive(files: ArchiveFiles): Promise<ArchivedImage[]> {
  const what = `${files.description}: manifest.json`
  const items = parseJson(await readSmallFile(files, 'manifest.json'), what)
  itemsShape(items, what)
  return (items as DockerItem[]).map(item => ({
    names: (item.RepoTags ?? []).map(name => fullArchivedName(name, 'docker')),
    source: dockerSource(files, item),
  }))
}

function dockerSource(files: ArchiveFiles, item: DockerItem): ImageSource {
  let made: Promise<{ manifest: Uint8Array; names: Map<Digest, string> }> | undefined
  const make = () => (made ??= makeManifest(files, item))
  return {
    description: files.description,
    async openManifest() {
      const { manifest } = await make()
      return { bytes: manifest, mediaType: dockerManifest, digest: digestOfBytes(manifest) }
    },
    async openBlob({ digest }, offset) {
      const name = (await make()).names.get(digest)
      if (name === undefined) throw new SourceError('NOT_FOUND', `${files.description} has no blob ${digest}`)
      return files.open(name, offset)
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** The manifest, and which file has which blob. */
async function makeManifest(files: ArchiveFiles, item: DockerItem) {
  const configBytes = await readSmallBytes(files, item.Config)
  const layerNames = item.Layers ?? []
  const config = parseImageConfig(
    new TextDecoder().decode(configBytes),
    `${files.description}: "${item.Config}"`,
    layerNames.length,
  )
  const names = new Map<Digest, string>()
  const configDigest = digestOfBytes(configBytes)
  names.set(configDigest, item.Config)
  const layers: Descriptor[] = []
  for (const [index, name] of layerNames.entries()) {
    const size = files.sizeOf(name)
    const diffId = config.rootfs.diff_ids[index]
    if (size === undefined || diffId === undefined)
      throw new TspodError('INVALID', `${files.description} has no layer "${name}"`, {
        hint: 'the archive is incomplete',
      })
    const layer = await describeLayer(files, name, size, diffId)
    names.set(layer.digest, name)
    layers.push(layer)
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: dockerManifest,
    config: { mediaType: dockerConfig, size: configBytes.byteLength, digest: configDigest },
    layers,
  }
  return { manifest: new TextEncoder().encode(JSON.stringify(manifest)), names }
}

/** An uncompressed layer is its own diff id; another one must be hashed first. */
async function describeLayer(files: ArchiveFiles, name: string, size: number, diffId: Digest): Promise<Descriptor> {
  const plain = dockerLayer.replace(/\.gzip$/, '')
  let hash: ReturnType<typeof createHash> | undefined
  for await (const chunk of files.open(name)) {
    if (hash === undefined) {
      const compression = sniffCompression(chunk)
      if (compression === 'none') return { mediaType: plain, size, digest: diffId }
      hash = createHash('sha256')
    }
    hash.update(chunk)
  }
  if (hash === undefined) return { mediaType: plain, size, digest: diffId }
  return { mediaType: dockerLayer, size, digest: digestOf(hash.digest('hex')) }
}
