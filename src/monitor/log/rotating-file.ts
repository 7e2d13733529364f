// A log file that entries are appended to in batches, that starts anew at a size, and that survives a full disk. Runs in the monitor.
import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs'
import { errnoOf } from '#errors.ts'

export interface RotatingFileOptions {
  path: string
  /** Absent: no limit. */
  maxSizeBytes?: number
  /** Files to keep, the current one included: `path`, `path.1`, … */
  maxFiles: number
}

const BATCH_BYTES = 65536

/** Bytes that could not be kept, and why. */
export interface Loss {
  bytes: number
  errno: string
}

export class RotatingFile {
  readonly #options: RotatingFileOptions
  #fd: number
  #size: number
  #batch = Buffer.allocUnsafe(8192)
  #used = 0
  /** Output (not entries) that the batch holds. */
  #content = 0
  #loss: Loss | undefined

  /** Opens or creates the file. Throws where that is impossible: the container must not start without its log. */
  constructor(options: RotatingFileOptions) {
    this.#options = options
    this.#fd = openSync(options.path, 'a', 0o640)
    this.#size = fstatSync(this.#fd).size
  }

  /** Room for one entry of at most `bytes`; the caller fills it and says with `commit` how much it took. */
  reserve(bytes: number): { buffer: Buffer; at: number } {
    if (this.#used > 0 && this.#used + bytes > BATCH_BYTES) this.flush()
    if (this.#used + bytes > this.#batch.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(this.#used + bytes, Math.min(2 * this.#batch.byteLength, BATCH_BYTES)))
      this.#batch.copy(larger, 0, 0, this.#used)
      this.#batch = larger
    }
    return { buffer: this.#batch, at: this.#used }
  }

  /** The entry in the reserved room is complete: it ends at `end`, and holds `content` bytes of output. */
  commit(end: number, content: number): void {
    const { maxSizeBytes = Number.POSITIVE_INFINITY } = this.#options
    const start = this.#used
    if (this.#size + end > maxSizeBytes && this.#size + start > 0) {
      this.flush()
      this.#rotate()
      this.#batch.copyWithin(0, start, end)
      this.#used = end - start
      this.#content = content
    } else {
      this.#used = end
      this.#content += content
    }
  }

  /** True when so many bytes find room before the next rotation. */
  hasRoomFor(bytes: number): boolean {
    return this.#size + this.#used + bytes <= (this.#options.maxSizeBytes ?? Number.POSITIVE_INFINITY)
  }

  /** Writes whole entries, which hold `content` bytes of output, in one call; there is room for them. */
  append(entries: Buffer, content: number): void {
    this.flush()
    this.#write(entries, content)
  }

  /** Writes what has been collected, in one call. What a full disk refuses is counted, and dropped. */
  flush(): void {
    if (this.#used === 0) return
    const bytes = this.#batch.subarray(0, this.#used)
    const content = this.#content
    this.#used = 0
    this.#content = 0
    this.#write(bytes, content)
  }

  #write(bytes: Buffer, content: number): void {
    let done = 0
    try {
      while (done < bytes.byteLength) done += writeSync(this.#fd, bytes, done)
      this.#size += bytes.byteLength
    } catch (error) {
      this.#lose(content, error)
      this.#cutBack()
    }
  }

  /** What has been lost since the last question; asked when there may be space again. */
  takeLoss(): Loss | undefined {
    const loss = this.#loss
    this.#loss = undefined
    return loss
  }

  /** Counts output as lost that was not even tried. */
  giveBackLoss(loss: Loss): void {
    this.#loss = { bytes: loss.bytes + (this.#loss?.bytes ?? 0), errno: loss.errno }
  }

  close(): void {
    this.flush()
    closeSync(this.#fd)
  }

  #lose(bytes: number, error: unknown): void {
    this.#loss = { bytes: bytes + (this.#loss?.bytes ?? 0), errno: errnoOf(error) ?? String(error) }
  }

  /** Takes away the part of a batch that found room, so that no entry is cut in two. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#size)
    } catch {
      // a log that is a pipe or a device cannot be cut: the entry stays as it is
    }
  }

  /** Starts a new file; readers that hold the old one finish it. Where that fails, the current one goes on. */
  #rotate(): void {
    const { path, maxFiles } = this.#options
    try {
      for (let index = maxFiles - 1; index > 0; index--) {
        const older = index === 1 ? path : `${path}.${index - 1}`
        try {
          renameSync(older, `${path}.${index}`)
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error
        }
      }
      const fd = openSync(`${path}.new`, 'w', 0o640)
      closeSync(this.#fd)
      this.#fd = fd
      this.#size = 0
      renameSync(`${path}.new`, path)
    } catch {
      // no space for another file: this one grows beyond its size
    }
  }
}
