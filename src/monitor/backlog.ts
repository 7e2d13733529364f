// What one client has not taken yet: a queue in memory, and for a client that has stopped reading, a file behind it
// (docs/decisions/slow-readers.md). Runs in the monitor.
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'

/** Beyond this in memory, or this in the file, the container should wait for the client. */
const MEMORY_BYTES = 1 << 20
const SPILL_BYTES = 1 << 30
const CHUNK_BYTES = 65536

/** Bytes between `read` and `written` come after the queue's and before those of `after`, which a full disk refused. */
interface Spill {
  fd: number
  read: number
  written: number
  after: Buffer[]
}

export class Backlog {
  readonly #folder: string
  #queue: Buffer[] = []
  /** Bytes in memory. */
  #queued = 0
  #spill: Spill | undefined

  /** `folder`: where the file would lie, without a name. */
  constructor(folder: string) {
    this.#folder = folder
  }

  get isEmpty(): boolean {
    return this.#queued === 0 && this.#spill === undefined
  }

  /** True when the container should wait for this client. */
  get isFull(): boolean {
    if (this.#spill === undefined) return this.#queued >= MEMORY_BYTES
    return this.#spill.after.length > 0 || this.#spill.written - this.#spill.read >= SPILL_BYTES
  }

  /** Appends bytes, which are copied. */
  push(bytes: Uint8Array): void {
    const rest = this.#spill === undefined ? bytes : appendToSpill(this.#spill, bytes)
    if (rest.byteLength === 0) return
    ;(this.#spill?.after ?? this.#queue).push(Buffer.from(rest))
    this.#queued += rest.byteLength
  }

  /** Has later bytes go to a file; false where there is one already, or none can be made. */
  startSpilling(): boolean {
    if (this.#spill !== undefined) return false
    const path = `${this.#folder}/backlog.${process.pid}`
    try {
      const fd = openSync(path, 'wx+', 0o600)
      unlinkSync(path)
      this.#spill = { fd, read: 0, written: 0, after: [] }
      return true
    } catch {
      return false // no space, or the folder is gone: the container waits
    }
  }

  /** Hands the oldest bytes to `send` until it takes less than it was given. False when the client has gone. */
  flush(send: (bytes: Buffer) => number | 'gone'): boolean {
    for (;;) {
      const first = this.#queue[0] ?? this.#refill()
      if (first === undefined) return true
      const sent = send(first)
      if (sent === 'gone') return false
      this.#queued -= sent
      if (sent < first.byteLength) {
        this.#queue[0] = first.subarray(sent)
        return true
      }
      this.#queue.shift()
    }
  }

  close(): void {
    if (this.#spill !== undefined) closeSync(this.#spill.fd)
    this.#spill = undefined
    this.#queue = []
    this.#queued = 0
  }

  /** The next piece of the file, when the queue is empty; a file that has been read goes. */
  #refill(): Buffer | undefined {
    const spill = this.#spill
    if (spill === undefined) return undefined
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, spill.written - spill.read))
    if (chunk.byteLength > 0) {
      const got = readSync(spill.fd, chunk, 0, chunk.byteLength, spill.read)
      spill.read += got
      this.#queue.push(chunk.subarray(0, got))
      this.#queued += got
    }
    if (spill.read === spill.written) {
      closeSync(spill.fd)
      this.#queue.push(...spill.after)
      this.#spill = undefined
    }
    return this.#queue[0]
  }
}

/** Writes to the file what finds room there, and returns the rest; once there was one, all that follows is kept in memory too. */
function appendToSpill(spill: Spill, bytes: Uint8Array): Uint8Array {
  let done = 0
  try {
    while (spill.after.length === 0 && done < bytes.byteLength) {
      const count = writeSync(spill.fd, bytes, done, bytes.byteLength - done, spill.written)
      spill.written += count
      done += count
    }
  } catch {
    // no space
  }
  return bytes.subarray(done)
}
