// Which blobs and layers images need, and the removal of blobs that none needs. Host namespaces, under the store's lock.
import { statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, hasCode } from '#errors.ts'
import { sha256Hex } from '#host/bun.ts'
import { log } from '#log.ts'
import { type ChainId, chainIdsOf, type Digest, digestOf, isDigest } from '#oci/digest.ts'
import { parseImageConfig } from '#oci/image-config.ts'
import { parseManifest } from '#oci/manifest.ts'
import { isIndexType, isManifestType } from '#oci/media-types.ts'
import { blobPath, readBlob } from './blobs.ts'
import { readKept } from './kept.ts'
import { blobsFolder, ensureLayout, type IndexEntry, lockFile, readIndex } from './layout.ts'
import { listNames, readLeases } from './lease.ts'
import { packedFolder } from './packed-layers.ts'

/** What a set of images is made of. */
export interface Reachable {
  blobs: Set<Digest>
  chains: Set<ChainId>
  /** manifests or configurations that could not be read: while there are any, nothing that is unknown may be removed */
  unreadable: Digest[]
}

/** Blobs no lease and no index knows stay this long: other tools may be writing into the layout. */
export const orphanAgeMs = 60 * 60 * 1000
/** An interrupted download is worth resuming this long. */
const partialAgeMs = 7 * 24 * 60 * 60 * 1000
/** So long nobody has pushed a packed layer again. */
const packedAgeMs = 7 * 24 * 60 * 60 * 1000

/** Follows index entries down to layers, those of other tools too. */
export function reachableFrom(root: string, entries: readonly IndexEntry[]): Reachable {
  const reachable: Reachable = { blobs: new Set(), chains: new Set(), unreadable: [] }
  for (const entry of entries) follow(root, entry, reachable, true)
  return reachable
}

/** The chains that images and running pulls need: what a sweep of unpacked layers must keep. Run it and the sweep in `withImagesLocked`. */
export async function chainsInUse(root: string): Promise<{ chains: Set<string>; complete: boolean }> {
  const { chains, unreadable } = reachableFrom(root, readIndex(root))
  const leased = await readLeases(root)
  return { chains: new Set<string>([...chains, ...leased, ...readKept(root)]), complete: unreadable.length === 0 }
}

/** Runs `body` while no image can be added or removed and no pull can begin to rely on anything. */
export async function withImagesLocked<T>(root: string, body: () => T | Promise<T>): Promise<T> {
  const { withFileLock } = await import('#sys/lock.ts')
  ensureLayout(root)
  return await withFileLock(lockFile(root), body)
}

/** After a change of the index: removes the blobs that only entries of `before` needed. Returns the bytes given back. */
export async function sweepRemoved(
  root: string,
  before: readonly IndexEntry[],
  after: readonly IndexEntry[],
): Promise<number> {
  const removed = before.filter(entry => !after.some(other => other.digest === entry.digest))
  const needed = reachableFrom(root, after)
  if (needed.unreadable.length > 0) return refuseToSweep(needed.unreadable)
  const leased = new Set([...(await readLeases(root)), ...readKept(root)])
  let freedBytes = 0
  for (const digest of reachableFrom(root, removed).blobs)
    if (!needed.blobs.has(digest) && !leased.has(digest)) freedBytes += removeBlob(root, digest)
  return freedBytes
}

/** Removes those of these blobs that nothing needs any more, however young. Takes the store's lock. Returns the bytes given back. */
export async function removeUnneeded(root: string, digests: Iterable<string>): Promise<number> {
  return await withImagesLocked(root, async () => {
    const needed = reachableFrom(root, readIndex(root))
    if (needed.unreadable.length > 0) return refuseToSweep(needed.unreadable)
    const kept = new Set<string>([...needed.blobs, ...(await readLeases(root)), ...readKept(root)])
    let freedBytes = 0
    for (const digest of digests) if (isDigest(digest) && !kept.has(digest)) freedBytes += removeBlob(root, digest)
    return freedBytes
  })
}

/** Removes what killed commands left: blobs no image reaches, temporary files, old partial downloads. Takes the store's lock. */
export async function collectGarbage(root: string, now = Date.now()): Promise<{ freedBytes: number }> {
  return await withImagesLocked(root, async () => {
    const needed = reachableFrom(root, readIndex(root))
    if (needed.unreadable.length > 0) return { freedBytes: refuseToSweep(needed.unreadable) }
    const leased = new Set([...(await readLeases(root)), ...readKept(root)])
    let freedBytes = 0
    for (const name of listNames(blobsFolder(root))) {
      const digest = /^[a-f0-9]{64}$/.test(name) ? digestOf(name) : undefined
      if (digest !== undefined && (needed.blobs.has(digest) || leased.has(digest))) continue
      freedBytes += removeOld(join(blobsFolder(root), name), now - orphanAgeMs)
    }
    return { freedBytes: freedBytes + (await sweepPartials(root, now)) + sweepPacked(root, now) }
  })
}

async function sweepPartials(root: string, now: number): Promise<number> {
  const { tryLock } = await import('#sys/lock.ts')
  const folder = join(root, 'tmp', 'partial')
  let freedBytes = 0
  for (const name of listNames(folder)) {
    using lock = tryLock(join(folder, name))
    if (lock !== undefined) freedBytes += removeOld(join(folder, name), now - partialAgeMs)
  }
  return freedBytes
}

/** Layers that were packed for pushes; whoever reads one still has it open. */
function sweepPacked(root: string, now: number): number {
  const folder = packedFolder(root)
  return listNames(folder).reduce((sum, name) => sum + removeOld(join(folder, name), now - packedAgeMs), 0)
}

function follow(root: string, descriptor: IndexEntry, reachable: Reachable, isEntry: boolean): void {
  const { digest } = descriptor
  if (reachable.blobs.has(digest)) return
  reachable.blobs.add(digest)
  if (!isIndexType(descriptor.mediaType) && !isManifestType(descriptor.mediaType)) return
  const what = `manifest ${digest}`
  try {
    const manifest = parseManifest(textOf(readBlob(root, digest, what)), descriptor.mediaType, what)
    if (manifest.kind === 'index') {
      for (const each of manifest.manifests) follow(root, each, reachable, false)
      return
    }
    for (const each of [manifest.config, ...manifest.layers]) reachable.blobs.add(each.digest)
    const config = parseImageConfig(textOf(readBlob(root, manifest.config.digest, what)), what, manifest.layers.length)
    for (const chain of chainIdsOf(config.rootfs.diff_ids, sha256Hex)) reachable.chains.add(chain)
  } catch (error) {
    // an index names manifests of platforms that were never fetched
    if (!isEntry && hasCode(error, 'NOT_FOUND')) return
    log.debug(`reading ${digest}: ${error instanceof Error ? error.message : String(error)}`)
    reachable.unreadable.push(digest)
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function refuseToSweep(unreadable: readonly Digest[]): 0 {
  log.warn(`blobs are kept: what ${unreadable.join(', ')} needs cannot be read; "tspod system check --repair" mends it`)
  return 0
}

function removeBlob(root: string, digest: Digest): number {
  return removeOld(blobPath(root, digest), Number.POSITIVE_INFINITY)
}

/** Removes a file last changed before `beforeMs`; the bytes given back. */
function removeOld(path: string, beforeMs: number): number {
  try {
    const { mtimeMs, size } = statSync(path)
    if (mtimeMs >= beforeMs) return 0
    unlinkSync(path)
    return size
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0
    throw during(`removing "${path}"`, error)
  }
}
