// An image of the store as another medium wants it: manifests of either family, layers plain or compressed. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, digestOf, hexOf } from '#oci/digest.ts'
import type { ImageManifest } from '#oci/manifest.ts'
import {
  dockerConfig,
  dockerLayer,
  dockerManifest,
  layerCompression,
  ociConfig,
  ociLayer,
  ociManifest,
} from '#oci/media-types.ts'
import { blobPath, digestOfBytes, readBlob } from './blobs.ts'
import { decompress } from './decompress.ts'
import type { ManifestBytes } from './source.ts'

export interface ConvertOptions {
  /** whose media types */
  family: 'oci' | 'docker'
  /** layers as stored, all uncompressed, or all compressed with gzip */
  layers: 'stored' | 'plain' | 'gzip'
  /** an empty folder for layers that change */
  scratch: string
}

export interface ConvertedImage {
  manifest: ManifestBytes
  /** the configuration first, then layers, lowest first */
  blobs: { descriptor: Descriptor; open: () => AsyncIterable<Uint8Array> }[]
}

interface ConvertedLayer {
  descriptor: Descriptor
  open: () => AsyncIterable<Uint8Array>
}

/** Converts a stored image. The configuration, and so the id, stays the same; the stored manifest too where nothing changes. */
export async function convertImage(
  root: string,
  stored: { digest: Digest; manifest: ImageManifest; diffIds: readonly Digest[] },
  options: ConvertOptions,
): Promise<ConvertedImage> {
  const { manifest } = stored
  const layers: ConvertedLayer[] = []
  for (const [index, layer] of manifest.layers.entries())
    layers.push(await convertLayer(root, layer, stored.diffIds[index], options))
  const config = { ...manifest.config, mediaType: options.family === 'oci' ? ociConfig : dockerConfig }
  const blobs = [{ descriptor: config, open: () => blobStream(root, config.digest) }, ...layers]
  return { manifest: manifestOf(root, stored, config, layers, options), blobs }
}

function manifestOf(
  root: string,
  { digest, manifest }: { digest: Digest; manifest: ImageManifest },
  config: Descriptor,
  layers: readonly ConvertedLayer[],
  { family }: ConvertOptions,
): ManifestBytes {
  const mediaType = family === 'oci' ? ociManifest : dockerManifest
  const isSame =
    manifest.mediaType === mediaType &&
    manifest.config.mediaType === config.mediaType &&
    layers.every(({ descriptor }, index) => {
      const old = manifest.layers[index]
      return descriptor.digest === old?.digest && descriptor.mediaType === old.mediaType
    })
  if (isSame) return { bytes: readBlob(root, digest, `manifest ${digest}`), mediaType, digest }
  const { annotations } = manifest
  const value = {
    schemaVersion: 2,
    mediaType,
    config: bare(config),
    layers: layers.map(({ descriptor }) => bare(descriptor)),
    ...(annotations !== undefined && family === 'oci' ? { annotations } : {}),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return { bytes, mediaType, digest: digestOfBytes(bytes) }
}

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size })

async function convertLayer(
  root: string,
  layer: Descriptor,
  diffId: Digest | undefined,
  { family, layers, scratch }: ConvertOptions,
): Promise<ConvertedLayer> {
  const stored = layerCompression(layer.mediaType, `layer ${layer.digest}`)
  // docker's family has no zstd
  const wanted =
    layers === 'stored'
      ? stored === 'zstd' && family === 'docker'
        ? 'none'
        : stored
      : layers === 'plain'
        ? 'none'
        : 'gzip'
  const mediaType = mediaTypeOf(family, wanted)
  if (wanted === stored) return { descriptor: { ...layer, mediaType }, open: () => blobStream(root, layer.digest) }
  const plain = () => decompress(blobStream(root, layer.digest), stored)
  const path = join(scratch, hexOf(layer.digest))
  const written = await writeScratch(wanted === 'none' ? plain() : await gzip(plain()), path)
  if (wanted === 'none' && written.digest !== diffId)
    throw new TspodError(
      'INVALID',
      `layer ${layer.digest}: unpacked, it has the digest ${written.digest}, wanted ${diffId}`,
    )
  return { descriptor: { mediaType, ...written }, open: () => createReadStream(path, { highWaterMark: 1 << 20 }) }
}

function mediaTypeOf(family: 'oci' | 'docker', compression: 'none' | 'gzip' | 'zstd'): string {
  const plain = family === 'oci' ? ociLayer : dockerLayer.replace(/\.gzip$/, '')
  if (compression === 'none') return plain
  return family === 'oci' ? `${plain}+${compression}` : `${plain}.${compression}`
}

/** A blob of the store as a stream. */
export function blobStream(root: string, digest: Digest): AsyncIterable<Uint8Array> {
  return createReadStream(blobPath(root, digest), { highWaterMark: 1 << 20 })
}

async function gzip(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const { createGzip } = await import('node:zlib')
  const { Readable } = await import('node:stream')
  // no time and no name in the header: the same layer always makes the same bytes
  return Readable.from(source, { objectMode: true, highWaterMark: 2 }).pipe(createGzip({ chunkSize: 256 << 10 }))
}

async function writeScratch(
  source: AsyncIterable<Uint8Array>,
  path: string,
): Promise<{ digest: Digest; size: number }> {
  await using file = await open(path, 'w', 0o600)
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of source) {
    hash.update(chunk)
    size += chunk.byteLength
    await file.writeFile(chunk)
  }
  return { digest: digestOf(hash.digest('hex')), size }
}
