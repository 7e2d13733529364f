// A new image with one layer, made here: from an archive of a root file system, or from files of this machine. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestOf } from '#oci/digest.ts'
import type { ExecutionConfig, ImageConfig } from '#oci/image-config.ts'
import { formatManifest } from '#oci/manifest.ts'
import { ociConfig, ociLayer, ociManifest } from '#oci/media-types.ts'
import type { Platform } from '#oci/platform.ts'
import { compressionOf, peek } from './archive-open.ts'
import { digestOfBytes } from './blobs.ts'
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
  /** when; images made of the same files at the same time are the same */
  created: Date
}

/** The image as a source that can be received into the store. */
export function newImageSource(layer: LayerFile, facts: NewImageFacts): ImageSource {
  const config = new TextEncoder().encode(JSON.stringify(configOf(layer, facts)))
  const configDescriptor = { mediaType: ociConfig, digest: digestOfBytes(config), size: config.byteLength }
  const { mediaType, digest, size } = layer
  const manifest = new TextEncoder().encode(
    formatManifest({ config: configDescriptor, layers: [{ mediaType, digest, size }] }),
  )
  return {
    description: 'the new image',
    async openManifest() {
      return { bytes: manifest, mediaType: ociManifest, digest: digestOfBytes(manifest) }
    },
    async openBlob(descriptor, offset) {
      if (descriptor.digest === digest) return createReadStream(layer.path, { start: offset, highWaterMark: 1 << 20 })
      if (descriptor.digest === configDescriptor.digest) return once(config.subarray(offset))
      throw new SourceError('NOT_FOUND', `the new image has no blob ${descriptor.digest}`)
    },
    async [Symbol.asyncDispose]() {},
  }
}

function configOf(
  { diffId }: LayerFile,
  { platform, execution, createdBy, comment, created }: NewImageFacts,
): ImageConfig {
  const time = created.toISOString()
  return {
    created: time,
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: execution,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: time, created_by: createdBy, ...(comment === undefined ? {} : { comment }) }],
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
