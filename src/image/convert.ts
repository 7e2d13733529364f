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
  type Compression,
  dockerConfig,
  dockerManifest,
  layerCompression,
  layerType,
  ociConfig,
  ociManifest,
} from '#oci/media-types.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { blobPath, digestOfBytes, readBlob } from './blobs.ts'
import { type CompressOptions, compress, defaultLevel, type Packed } from './compress.ts'
import { decompress } from './decompress.ts'
import { findPackedLayer, keepPackedLayer } from './packed-layers.ts'
import type { ManifestBytes, OpenBlob } from './source.ts'

/** How layers are to be compressed. */
export interface Packing {
  format: Packed
  level: number
  /** Which stay as they are: those compressed in any way, those in this format, or none. */
  keep: 'any' | 'same' | 'none'
}

export interface ConvertOptions {
  /** whose media types; absent: those it has */
  family?: 'oci' | 'docker'
  /** layers as stored, all uncompressed, or compressed */
  layers: 'stored' | 'plain' | Packing
  /** an empty folder for layers that change */
  scratch: string
  /** bytes of a layer's uncompressed archive, where they are known: it then needs no copy on disk */
  plainSizeOf?: (position: number) => number | undefined
  /** where workers that compress run; absent: this thread compresses */
  openNamespace?: () => Promise<UserNamespace>
  /** a layer that is being compressed has so many bytes now, in this file */
  onGrowth?: (path: string, bytes: number) => void
}

/** One blob as it is to be written. */
export interface ConvertedBlob {
  descriptor: Descriptor
  /** of a layer: the digest of its uncompressed archive */
  diffId?: Digest
  open: OpenBlob
}

export interface ConvertedImage {
  manifest: ManifestBytes
  /** the configuration first, then layers, lowest first */
  blobs: ConvertedBlob[]
}

interface StoredParts {
  digest: Digest
  manifest: ImageManifest
  diffIds: readonly Digest[]
}

/** Converts a stored image. The configuration, and so the id, stays the same; the stored manifest too where nothing changes. */
export async function convertImage(
  root: string,
  stored: StoredParts,
  options: ConvertOptions,
): Promise<ConvertedImage> {
  const family = familyOf(stored.manifest, options)
  const layers: ConvertedBlob[] = []
  for (const position of stored.manifest.layers.keys()) layers.push(await convertLayer(root, stored, position, options))
  const config = configOf(root, stored, family)
  return { manifest: convertManifest(root, stored, family, [config, ...layers]), blobs: [config, ...layers] }
}

/** The family that the manifest gets. Throws INVALID where docker's is asked for and layers with zstd. */
export function familyOf({ mediaType }: ImageManifest, { family, layers }: ConvertOptions): 'oci' | 'docker' {
  const wantsZstd = typeof layers === 'object' && layers.format === 'zstd'
  if (family === 'docker' && wantsZstd)
    throw new TspodError('INVALID', "docker's format has no layers compressed with zstd", { hint: 'use --format oci' })
  return family ?? (mediaType === dockerManifest && !wantsZstd ? 'docker' : 'oci')
}

/** The configuration, byte for byte as it is. */
export function configOf(root: string, { manifest }: StoredParts, family: 'oci' | 'docker'): ConvertedBlob {
  const config = { ...manifest.config, mediaType: family === 'oci' ? ociConfig : dockerConfig }
  return { descriptor: config, open: offset => blobStream(root, config.digest, offset) }
}

/** The manifest that names these blobs, the configuration first. */
export function convertManifest(
  root: string,
  { digest, manifest }: StoredParts,
  family: 'oci' | 'docker',
  [config, ...layers]: readonly ConvertedBlob[],
): ManifestBytes {
  const mediaType = family === 'oci' ? ociManifest : dockerManifest
  const isSame =
    manifest.mediaType === mediaType &&
    manifest.config.mediaType === config?.descriptor.mediaType &&
    layers.every(({ descriptor }, index) => {
      const old = manifest.layers[index]
      return descriptor.digest === old?.digest && descriptor.mediaType === old.mediaType
    })
  if (isSame) return { bytes: readBlob(root, digest, `manifest ${digest}`), mediaType, digest }
  const { annotations } = manifest
  const value = {
    schemaVersion: 2,
    mediaType,
    config: bare(config?.descriptor ?? manifest.config),
    layers: layers.map(({ descriptor }) => bare(descriptor)),
    ...(annotations !== undefined && family === 'oci' ? { annotations } : {}),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return { bytes, mediaType, digest: digestOfBytes(bytes) }
}

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size })

/** One layer in the form that is asked for. What has to be compressed is written to the disk first, and kept for the next time. */
export async function convertLayer(
  root: string,
  stored: StoredParts,
  position: number,
  options: ConvertOptions,
): Promise<ConvertedBlob> {
  const layer = stored.manifest.layers[position]
  const diffId = stored.diffIds[position]
  if (layer === undefined || diffId === undefined) throw new TspodError('INTERNAL', `there is no layer ${position}`)
  const family = familyOf(stored.manifest, options)
  const found = layerCompression(layer.mediaType, `layer ${layer.digest}`)
  const wanted = compressionFor(found, family, options)
  const mediaType = layerType(family, wanted)
  if (wanted === found && !isRepacked(found, options))
    return { descriptor: { ...layer, mediaType }, diffId, open: offset => blobStream(root, layer.digest, offset) }
  const plain = () => checked(decompress(blobStream(root, layer.digest), found), layer.digest, diffId)
  if (wanted === 'none') return await plainLayer(plain, { mediaType, diffId, position, layer }, options)
  const packing = typeof options.layers === 'object' ? options.layers : { level: defaultLevel.gzip }
  const key = { diffId, format: wanted, level: packing.level }
  const known = findPackedLayer(root, key)
  const file = found === 'none' ? { path: blobPath(root, layer.digest), bytes: layer.size } : undefined
  const bytes = file === undefined ? plain : () => checked(sameBuffer(file.path), layer.digest, diffId)
  const packed = known ?? (await pack(root, bytes(), key, { ...options, file }))
  const { path, digest, size } = packed
  return {
    descriptor: { mediaType, digest, size },
    diffId,
    open: (start = 0) => createReadStream(path, { start, highWaterMark: 1 << 20 }),
  }
}

async function plainLayer(
  plain: () => AsyncIterable<Uint8Array>,
  facts: { mediaType: string; diffId: Digest; position: number; layer: Descriptor },
  { plainSizeOf, scratch }: ConvertOptions,
): Promise<ConvertedBlob> {
  const { mediaType, diffId, position, layer } = facts
  const size = plainSizeOf?.(position)
  if (size !== undefined)
    return { descriptor: { mediaType, digest: diffId, size }, diffId, open: (offset = 0) => skipping(plain(), offset) }
  const path = join(scratch, hexOf(layer.digest))
  const written = await writeScratch(plain(), path)
  return {
    descriptor: { mediaType, ...written },
    diffId,
    open: (start = 0) => createReadStream(path, { start, highWaterMark: 1 << 20 }),
  }
}

async function pack(
  root: string,
  plain: AsyncIterable<Uint8Array>,
  key: { diffId: Digest; format: Packed; level: number },
  { scratch, openNamespace, file, onGrowth }: ConvertOptions & Pick<CompressOptions, 'file'>,
) {
  const path = join(scratch, `${hexOf(key.diffId)}.${key.format}`)
  const { format, level } = key
  const written = await writeScratch(compress(plain, { format, level, openNamespace, file }), path, onGrowth)
  return await keepPackedLayer(root, key, { path, ...written })
}

function compressionFor(found: Compression, family: 'oci' | 'docker', { layers }: ConvertOptions): Compression {
  // docker's family has no zstd
  const kept = found === 'zstd' && family === 'docker' ? 'none' : found
  if (layers === 'plain') return 'none'
  if (layers === 'stored') return kept
  return layers.keep === 'any' && kept !== 'none' ? kept : layers.format
}

function isRepacked(found: Compression, { layers }: ConvertOptions): boolean {
  return found !== 'none' && typeof layers === 'object' && layers.keep === 'none'
}

/** A blob of the store as a stream. */
function blobStream(root: string, digest: Digest, start = 0): AsyncIterable<Uint8Array> {
  return createReadStream(blobPath(root, digest), { start, highWaterMark: 1 << 20 })
}

/** A file piece by piece, each in the same memory: for whoever is done with one before it takes the next. */
async function* sameBuffer(path: string): AsyncIterable<Uint8Array> {
  await using file = await open(path)
  const buffer = Buffer.allocUnsafeSlow(1 << 20)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

/** A layer's plain bytes. Throws INVALID at their end where they are not those that the image names. */
async function* checked(plain: AsyncIterable<Uint8Array>, layer: Digest, diffId: Digest): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of plain) {
    hash.update(chunk)
    yield chunk
  }
  const found = digestOf(hash.digest('hex'))
  if (found !== diffId)
    throw new TspodError('INVALID', `layer ${layer}: unpacked, it has the digest ${found}, wanted ${diffId}`, {
      hint: 'pull or load the image again; "tspod system check --repair" finds all such damage',
    })
}

async function* skipping(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncIterable<Uint8Array> {
  let skip = offset
  for await (const chunk of chunks) {
    const rest = chunk.subarray(Math.min(skip, chunk.byteLength))
    skip -= chunk.byteLength - rest.byteLength
    if (rest.byteLength > 0) yield rest
  }
}

async function writeScratch(
  source: AsyncIterable<Uint8Array>,
  path: string,
  onGrowth?: ConvertOptions['onGrowth'],
): Promise<{ digest: Digest; size: number }> {
  await using file = await open(path, 'w', 0o600)
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of source) {
    hash.update(chunk)
    size += chunk.byteLength
    await file.writeFile(chunk)
    onGrowth?.(path, size)
  }
  return { digest: digestOf(hash.digest('hex')), size }
}
