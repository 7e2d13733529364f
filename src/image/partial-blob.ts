// A blob on its way into the layout: tmp/partial/<digest>, locked while somebody writes it, kept for the next try after a failure. Host namespaces.
import { fstatSync, fsync, ftruncateSync, read, renameSync, statSync, unlinkSync, write } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { during, errnoOf } from '#errors.ts'
import { type Digest, hexOf } from '#oci/digest.ts'
import type { Fd } from '#sys/fd.ts'
import { blobPath, blobSize } from './blobs.ts'
import { ensureLayout } from './layout.ts'

const writeAt = promisify(write)
const readAt = promisify(read)
const sync = promisify(fsync)

/** A download of another process that does not grow for this long is not waited for any more. */
const patienceMs = 20_000
const readBytes = 1 << 20

/** Bytes of a blob, written in order. Disposing it closes and unlocks the file, and keeps it. */
export class PartialBlob implements Disposable {
  readonly #fd: Fd
  readonly #path: string
  #size: number

  constructor(fd: Fd, path: string) {
    this.#fd = fd
    this.#path = path
    this.#size = fstatSync(fd.number).size
  }

  /** Bytes that are there: an earlier try may have left some. */
  get size(): number {
    return this.#size
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.byteLength; ) {
        const { bytesWritten } = await writeAt(this.#fd.number, chunk, done, chunk.byteLength - done, this.#size)
        done += bytesWritten
        this.#size += bytesWritten
      }
    } catch (error) {
      throw during(`writing "${this.#path}"`, error)
    }
  }

  /** What is there, from the beginning. */
  async *contents(): AsyncGenerator<Uint8Array, void> {
    for (let position = 0; position < this.#size; ) {
      const buffer = new Uint8Array(Math.min(readBytes, this.#size - position))
      const { bytesRead } = await readAt(this.#fd.number, buffer, 0, buffer.byteLength, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  /** Starts again from nothing. */
  clear(): void {
    ftruncateSync(this.#fd.number, 0)
    this.#size = 0
  }

  /** Forces the bytes to disk. */
  async sync(): Promise<void> {
    try {
      await sync(this.#fd.number)
    } catch (error) {
      throw during(`writing "${this.#path}"`, error)
    }
  }

  /** Makes it a blob of the layout; it has been verified and synced. The folder is synced by whoever makes the image visible. */
  commit(root: string, digest: Digest): void {
    try {
      renameSync(this.#path, blobPath(root, digest))
    } catch (error) {
      throw during(`storing blob ${digest}`, error)
    }
  }

  /** Its bytes are wrong: nothing of it is worth keeping. */
  remove(): void {
    try {
      unlinkSync(this.#path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw during(`removing "${this.#path}"`, error)
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close()
  }
}

/**
 * The partial blob of a digest, for us alone. While another process downloads the same blob this waits for it, and gives
 * `undefined` once the blob is stored; when that one makes no progress, a file of our own.
 */
export async function openPartialBlob(
  root: string,
  digest: Digest,
  options: { signal: AbortSignal; onWait: (doneBytes: number) => void },
): Promise<PartialBlob | undefined> {
  const { tryLock } = await import('#sys/lock.ts')
  ensureLayout(root)
  const path = join(root, 'tmp', 'partial', hexOf(digest))
  let seen = { size: -1, atMs: performance.now() }
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    const fd = tryLock(path)
    if (blobSize(root, digest) !== undefined) {
      // it was stored after the caller looked; the file we may have made just now is nobody's
      if (fd !== undefined && isAt(fd, path)) unlinkSync(path)
      fd?.close()
      return undefined
    }
    if (fd !== undefined && isAt(fd, path)) return new PartialBlob(fd, path)
    fd?.close()
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    const now = performance.now()
    if (size !== seen.size) seen = { size, atMs: now }
    options.onWait(size)
    if (now - seen.atMs > patienceMs) break
    options.signal.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
  const own = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`
  const fd = tryLock(own)
  if (fd === undefined) throw during(`opening "${own}"`, new Error('another process has locked it'))
  return new PartialBlob(fd, own)
}

/** False where the locked file has been renamed or removed since it was opened. */
function isAt(fd: Fd, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false })
  const ours = fstatSync(fd.number)
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
}
