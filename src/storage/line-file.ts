// Files of lines that others append to: read from where one is, or from the end back. Host namespaces.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { errnoOf } from '#errors.ts'

const CHUNK_BYTES = 65536
const NEWLINE = 10

/** Opens a file for reading; `undefined` where there is none. The caller closes it. */
export function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The complete lines of a file that grows, without their newlines. Owns the descriptor. */
export class LineReader implements Disposable {
  readonly #fd: number
  #position: number
  #rest: Buffer = Buffer.alloc(0)

  constructor(fd: number, position = 0) {
    this.#fd = fd
    this.#position = position
  }

  /** Tells one file from another that has taken its name. */
  get inode(): number {
    return fstatSync(this.#fd).ino
  }

  /** The lines that have been completed since the last call. */
  *read(): Generator<Buffer> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const got = readSync(this.#fd, chunk, 0, chunk.byteLength, this.#position)
      if (got === 0) return
      this.#position += got
      const fresh = chunk.subarray(0, got)
      const data = this.#rest.byteLength === 0 ? fresh : Buffer.concat([this.#rest, fresh])
      let start = 0
      try {
        for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
          const line = data.subarray(start, end)
          start = end + 1
          yield line
        }
      } finally {
        this.#rest = Buffer.from(data.subarray(start)) // whoever stops in the middle goes on here
      }
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

/** The complete lines of the first `size` bytes, last one first, without their newlines. */
export function* linesBackward(fd: number, size: number): Generator<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let rest: Buffer = Buffer.alloc(0)
  let isFirst = true
  for (let position = size; position > 0; ) {
    const length = Math.min(CHUNK_BYTES, position)
    position -= length
    const got = readSync(fd, chunk, 0, length, position)
    const data = Buffer.concat([chunk.subarray(0, got), rest])
    let end = data.byteLength
    for (let newline = data.lastIndexOf(NEWLINE, end - 1); newline >= 0; ) {
      if (!isFirst) yield data.subarray(newline + 1, end)
      isFirst = false // behind the last newline is a line that is not complete
      end = newline
      newline = end === 0 ? -1 : data.lastIndexOf(NEWLINE, end - 1)
    }
    rest = Buffer.from(data.subarray(0, end))
  }
  if (!isFirst) yield rest
}

/** The position behind the last newline of the first `size` bytes. */
export function lastLineEnd(fd: number, size: number): number {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let position = size; position > 0; ) {
    const length = Math.min(CHUNK_BYTES, position)
    position -= length
    const got = readSync(fd, chunk, 0, length, position)
    const newline = chunk.subarray(0, got).lastIndexOf(NEWLINE)
    if (newline >= 0) return position + newline + 1
  }
  return 0
}
