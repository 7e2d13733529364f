// An image from a medium (registry, archive, layout) into the store: choose the platform, fetch what is missing, verify, make visible. Host namespaces.
import { TspodError } from '#errors.ts'
import { sha256Hex } from '#host/bun.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { chainIdsOf, type Digest } from '#oci/digest.ts'
import { parseImageConfig } from '#oci/image-config.ts'
import { type ImageManifest, parseManifest } from '#oci/manifest.ts'
import { choosePlatform, formatPlatform, type Platform, platformFit } from '#oci/platform.ts'
import type { LayerStore } from '#storage/layers.ts'
import { blobSize, digestOfBytes, readBlob, writeBlob } from './blobs.ts'
import { syncFolder } from './durable-file.ts'
import { blobsFolder } from './layout.ts'
import { type Lease, openLease } from './lease.ts'
import type { OnProgress } from './progress.ts'
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts'
import { Slots } from './slots.ts'
import { type ImageSource, SourceError } from './source.ts'
import type { ImageStore } from './store.ts'
import type { StoredImage } from './stored-image.ts'

export interface ReceiveOptions {
  store: ImageStore
  layers: LayerStore
  /** full names that the image gets; none for a nameless one */
  names: readonly string[]
  /** what an index is searched for */
  platform: Platform
  /** the platform was asked for: another one is an error, not a note */
  isPlatformWanted: boolean
  /** layers at a time */
  parallel: number
  onProgress: OnProgress
  signal: AbortSignal
  /** Asked before any layer comes, with the digests of the manifest and of the indexes that led to it: throws to refuse the image. */
  approve?: (image: { digests: Digest[]; manifest: ImageManifest }) => Promise<void>
}

interface Chosen {
  manifest: ImageManifest
  descriptor: Descriptor
  bytes: Uint8Array
  /** indexes on the way to it */
  pulledAs: Digest[]
}

/** Indexes may name indexes, but not for ever. */
const deepestIndex = 3

/** Brings an image into the store. Nothing of it is visible before every digest has been verified. */
export async function receiveImage(source: ImageSource, options: ReceiveOptions): Promise<StoredImage> {
  const { store, onProgress, names } = options
  const { manifest, descriptor, bytes, pulledAs } = await chooseManifest(source, options)
  await options.approve?.({ digests: [descriptor.digest, ...pulledAs], manifest })
  const configBytes = await readConfig(source, manifest.config, options)
  const what = `configuration ${manifest.config.digest}`
  const config = parseImageConfig(new TextDecoder().decode(configBytes), what, manifest.layers.length)
  checkPlatform(config, options)
  const diffIds = config.rootfs.diff_ids
  const chain = chainIdsOf(diffIds, sha256Hex)
  await using lease: Lease = await openLease(store.root)
  const digests = [descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest)
  await lease.protect([...digests, ...chain])
  const sizeBytes = await receiveLayers(source, manifest, { diffIds, chain }, options)
  writeBlob(store.root, configBytes)
  writeBlob(store.root, bytes)
  syncFolder(blobsFolder(store.root))
  onProgress({
    kind: 'blob',
    digest: manifest.config.digest,
    role: 'config',
    phase: 'done',
    doneBytes: manifest.config.size,
  })
  const image = await store.add({ manifest: descriptor, names, pulledAs, sizeBytes })
  onProgress({ kind: 'manifest', digest: descriptor.digest })
  return image
}

/** Follows indexes to the image of the platform. Throws NOT_FOUND, listing the platforms there are. */
async function chooseManifest(source: ImageSource, { platform }: ReceiveOptions): Promise<Chosen> {
  const pulledAs: Digest[] = []
  let wanted: Descriptor | undefined
  for (let depth = 0; depth <= deepestIndex; depth++) {
    const { bytes, mediaType, digest } = await source.openManifest(wanted)
    if (
      digestOfBytes(bytes) !== digest ||
      (wanted !== undefined && (wanted.digest !== digest || wanted.size !== bytes.byteLength))
    )
      throw new SourceError(
        'INVALID',
        `${source.description}: manifest ${wanted?.digest ?? digest} has other bytes than its digest and size say`,
      )
    const what = `${source.description}: manifest ${digest}`
    const manifest = parseManifest(new TextDecoder().decode(bytes), wanted?.mediaType ?? (mediaType || undefined), what)
    if (manifest.kind === 'image')
      return {
        manifest,
        bytes,
        pulledAs,
        descriptor: { mediaType: manifest.mediaType, digest, size: bytes.byteLength },
      }
    pulledAs.push(digest)
    const { manifests } = manifest
    wanted =
      choosePlatform(manifests, platform) ??
      (manifests.length === 1 && manifests[0]?.platform === undefined ? manifests[0] : undefined)
    if (wanted === undefined) throw noPlatform(source, platform, manifests)
  }
  throw new SourceError('INVALID', `${source.description}: indexes are nested more than ${deepestIndex} deep`)
}

function noPlatform(source: ImageSource, platform: Platform, manifests: readonly Descriptor[]): SourceError {
  const known = manifests.flatMap(each => (each.platform === undefined ? [] : [formatPlatform(each.platform)]))
  const shown = [...new Set(known)].filter(name => !name.startsWith('unknown/'))
  return new SourceError(
    'NOT_FOUND',
    `${source.description}: the image has no variant for ${formatPlatform(platform)}`,
    {
      hint:
        shown.length === 0
          ? 'its index names no platforms'
          : `there are: ${shown.join(', ')}; choose one with --platform`,
    },
  )
}

function checkPlatform(config: { os: string; architecture: string; variant?: string }, options: ReceiveOptions): void {
  const { platform, isPlatformWanted, onProgress } = options
  if (config.architecture === '' || config.os === '' || platformFit(config, platform) !== undefined) return
  const text = `the image is for ${formatPlatform(config)}, not for ${formatPlatform(platform)}`
  if (isPlatformWanted) throw new SourceError('NOT_FOUND', text)
  onProgress({ kind: 'note', text })
}

/** A configuration, from the store where it is there: in memory, size and digest verified. */
async function readConfig(source: ImageSource, descriptor: Descriptor, options: ReceiveOptions): Promise<Uint8Array> {
  const { digest, size } = descriptor
  const { store, signal } = options
  if (blobSize(store.root, digest) === size) return readBlob(store.root, digest, `configuration ${digest}`)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of await source.openBlob(descriptor, 0, signal)) {
    length += chunk.byteLength
    if (length > size) break
    parts.push(chunk)
  }
  const bytes = Buffer.concat(parts)
  if (length !== size || digestOfBytes(bytes) !== digest)
    throw new SourceError(
      'INVALID',
      `${source.description}: configuration ${digest} has other bytes than its digest and size say`,
    )
  return bytes
}

/** All layers, some at a time; each is committed when it is verified and the one below is visible. Returns the unpacked bytes. */
async function receiveLayers(
  source: ImageSource,
  manifest: ImageManifest,
  { diffIds, chain }: { diffIds: readonly Digest[]; chain: ReturnType<typeof chainIdsOf> },
  options: ReceiveOptions,
): Promise<number> {
  const { store, layers, onProgress, parallel } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const slots = new Slots(parallel)
  let below: Promise<number> = Promise.resolve(0)
  const jobs: Promise<number>[] = []
  for (const [index, descriptor] of manifest.layers.entries()) {
    const { digest, size: totalBytes } = descriptor
    const diffId = diffIds[index]
    const chainId = chain[index]
    if (diffId === undefined || chainId === undefined) throw new TspodError('INTERNAL', `layer ${index} has no diff id`)
    const onPhase: Parameters<typeof receiveLayer>[0]['onPhase'] = (phase, doneBytes) =>
      onProgress({ kind: 'blob', digest, role: 'layer', phase, doneBytes, totalBytes })
    const job = {
      root: store.root,
      source,
      layers,
      descriptor,
      diffId,
      chainId,
      parent: chain[index - 1],
      signal,
      onPhase,
    }
    const earlier = below
    below = (async () => {
      onPhase('waiting', 0)
      await using received: ReceivedLayer = await slots.run(signal, async () => await receiveLayer(job))
      await earlier
      await received.commit()
      onPhase('done', totalBytes)
      return received.sizeBytes
    })()
    below.catch((error: unknown) => stop.abort(error))
    jobs.push(below)
  }
  const results = await Promise.allSettled(jobs)
  options.signal.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason as Error
  return results.reduce((sum, result) => sum + (result.status === 'fulfilled' ? result.value : 0), 0)
}
