// A new image with one layer, made here: from an archive of a root file system, or from files of this machine. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestOf } from '#oci/digest.ts'
import type { ExecutionConfig, HistoryStep, ImageConfig } from '#oci/image-config.ts'
import { formatManifest, type ImageManifest } from '#oci/manifest.ts'
import {
  dockerConfig,
  dockerManifest,
  layerCompression,
  layerType,
  ociConfig,
  ociLayer,
  ociManifest,
} from '#oci/media-types.ts'
import type { Platform } from '#oci/platform.ts'
import { compressionOf, peek } from './archive-open.ts'
import { blobPath, digestOfBytes } from './blobs.ts'
import { decompress } from './decompress.ts'
import { type ImageSource, SourceError } from './source.ts'

/** A layer's archive in a file. */
export interface LayerFile {
  path: string
  mediaType: string
  digest: Digest
  size: number
  diffId: Digest
}

/** Writes an archive, as it is compressed, to a file in `scratch` (an empty folder), and finds out its two digests. */
export async function writeLayerFile(
  stream: AsyncIterable<Uint8Array>,
  scratch: string,
  shownAs: string,
): Promise<LayerFile> {
  const path = join(scratch, 'layer')
  const { first, all } = await peek(stream)
  const compression = compressionOf(first, shownAs)
  await using file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let size = 0
  async function* kept(): AsyncIterable<Uint8Array> {
    for await (const chunk of all) {
      hash.update(chunk)
      size += chunk.byteLength
      await file.writeFile(chunk)
      yield chunk
    }
  }
  const plain = createHash('sha256')
  for await (const chunk of decompress(kept(), compression)) plain.update(chunk)
  const mediaType = compression === 'none' ? ociLayer : `${ociLayer}+${compression}`
  const digest = digestOf(hash.digest('hex'))
  return { path, mediaType, digest, size, diffId: digestOf(plain.digest('hex')) }
}

export interface NewImageFacts {
  platform: Platform
  execution: ExecutionConfig
  createdBy: string
  comment?: string
  author?: string
  /** when; images made of the same files at the same time are the same */
  created: Date
  /** whose media types; OCI's where absent */
  family?: 'oci' | 'docker'
  /** the stored image that the new one begins with */
  base?: { root: string; manifest: ImageManifest; config: ImageConfig }
}

/** The image as a source that can be received into the store. */
export function newImageSource(layer: LayerFile, facts: NewImageFacts): ImageSource {
  const { base, family = 'oci' } = facts
  const config = new TextEncoder().encode(JSON.stringify(configOf(layer, facts)))
  const configDescriptor = {
    mediaType: family === 'oci' ? ociConfig : dockerConfig,
    digest: digestOfBytes(config),
    size: config.byteLength,
  }
  const below = base?.manifest.layers ?? []
  const layers = [...below, layer].map(({ mediaType, digest, size }) => ({
    mediaType: layerType(family, layerCompression(mediaType, `layer ${digest}`)),
    digest,
    size,
  }))
  const manifest = new TextEncoder().encode(formatManifest({ config: configDescriptor, layers }))
  const mediaType = family === 'oci' ? ociManifest : dockerManifest
  return {
    description: 'the new image',
    async openManifest() {
      return { bytes: manifest, mediaType, digest: digestOfBytes(manifest) }
    },
    async openBlob(descriptor, offset) {
      const start = { start: offset, highWaterMark: 1 << 20 }
      if (descriptor.digest === layer.digest) return createReadStream(layer.path, start)
      if (descriptor.digest === configDescriptor.digest) return once(config.subarray(offset))
      if (base !== undefined && below.some(({ digest }) => digest === descriptor.digest))
        return createReadStream(blobPath(base.root, descriptor.digest), start)
      throw new SourceError('NOT_FOUND', `the new image has no blob ${descriptor.digest}`)
    },
    async [Symbol.asyncDispose]() {},
  }
}

function configOf(
  { diffId }: LayerFile,
  { platform, execution, createdBy, comment, author, created, base }: NewImageFacts,
): ImageConfig {
  const time = created.toISOString()
  const step = {
    created: time,
    created_by: createdBy,
    ...(author === undefined ? {} : { author }),
    ...(comment === undefined ? {} : { comment }),
  }
  return {
    created: time,
    ...(author === undefined ? {} : { author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: execution,
    rootfs: { type: 'layers', diff_ids: [...(base?.config.rootfs.diff_ids ?? []), diffId] },
    history: [...historyOf(base?.config), step],
  }
}

/** A history may be missing; then each layer has a step, so that those to come belong to the right ones. */
function historyOf(config: ImageConfig | undefined): HistoryStep[] {
  if (config === undefined) return []
  return config.history ?? config.rootfs.diff_ids.map(() => ({ created: config.created }))
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
