// The log driver k8s-file: lines `2006-01-02T15:04:05.999999999+00:00 stdout F text`, tag P for a piece of a line that goes on
// (Kubernetes' CRI logging format). A piece is written as soon as it comes, so that a prompt is seen. Runs in the monitor.
import { formatTimestamp } from '#oci/timestamp.ts'
import { wallClockNs } from '#sys/clock.ts'
import type { LogDriver, StreamName } from './driver.ts'
import { noteLoss } from './loss.ts'
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts'

const NEWLINE = 10
/** Longer pieces are cut, as readers of the format expect. */
const MAX_PIECE_BYTES = 16384

/** What an entry begins with. */
interface Prefixes {
  whole: string
  piece: string
}

export class K8sFileLog implements LogDriver {
  readonly #file: RotatingFile

  constructor(options: RotatingFileOptions) {
    this.#file = new RotatingFile(options)
  }

  write(stream: StreamName, bytes: Buffer): void {
    noteLoss(this.#file, this)
    const time = formatTimestamp(wallClockNs(), '+00:00')
    const prefixes = { whole: `${time} ${stream} F `, piece: `${time} ${stream} P ` }
    const text = bytes.toString('latin1')
    const entries = hasLongLine(text) ? undefined : entriesOf(text, prefixes)
    if (entries !== undefined && this.#file.hasRoomFor(entries.length))
      this.#file.append(Buffer.from(entries, 'latin1'), bytes.byteLength)
    else this.#writeOneByOne(bytes, prefixes)
  }

  note(text: string): void {
    const line = Buffer.from(`${formatTimestamp(wallClockNs(), '+00:00')} stderr F ${text}\n`)
    const { buffer, at } = this.#file.reserve(line.byteLength)
    line.copy(buffer, at)
    this.#file.commit(at + line.byteLength, 0)
    this.#file.flush()
  }

  close(): void {
    noteLoss(this.#file, this)
    this.#file.close()
  }

  /** For lines that are to be cut, and for batches that a rotation may divide. */
  #writeOneByOne(bytes: Buffer, prefixes: Prefixes): void {
    const whole = Buffer.from(prefixes.whole)
    const piece = Buffer.from(prefixes.piece)
    for (let start = 0; start < bytes.byteLength; ) {
      const newline = bytes.indexOf(NEWLINE, start)
      const lineEnd = newline < 0 ? bytes.byteLength : newline
      const isWhole = newline >= 0 && lineEnd - start <= MAX_PIECE_BYTES
      const end = isWhole ? lineEnd : Math.min(lineEnd, start + MAX_PIECE_BYTES)
      this.#entry(isWhole ? whole : piece, bytes, start, end)
      start = isWhole ? end + 1 : end
    }
    this.#file.flush()
  }

  #entry(prefix: Buffer, bytes: Buffer, start: number, end: number): void {
    const { buffer, at } = this.#file.reserve(prefix.byteLength + end - start + 1)
    buffer.set(prefix, at)
    const textAt = at + prefix.byteLength
    bytes.copy(buffer, textAt, start, end)
    buffer[textAt + end - start] = NEWLINE
    this.#file.commit(textAt + end - start + 1, end - start)
  }
}

/** Whether a line is longer than one entry may be; looks at one place in 16 KiB. */
function hasLongLine(text: string): boolean {
  for (let start = 0; start + MAX_PIECE_BYTES < text.length; ) {
    const newline = text.lastIndexOf('\n', start + MAX_PIECE_BYTES)
    if (newline < start) return true
    start = newline + 1
  }
  return false
}

/** All entries of a batch: made by a few operations on the whole, whose cost per line is the engine's own, and small. */
function entriesOf(text: string, { whole, piece }: Prefixes): string {
  const end = text.lastIndexOf('\n')
  const lines = end < 0 ? '' : `${whole}${text.slice(0, end).replaceAll('\n', `\n${whole}`)}\n`
  return end + 1 === text.length ? lines : `${lines}${piece}${text.slice(end + 1)}\n`
}
