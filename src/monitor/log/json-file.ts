// The log driver json-file: lines `{"log":"text\n","stream":"stdout","time":"…"}` as docker's driver of that name writes them.
// A piece of a line has no `\n` at its end. Runs in the monitor.
import { formatTimestamp } from '#oci/timestamp.ts'
import { wallClockNs } from '#sys/clock.ts'
import type { LogDriver, StreamName } from './driver.ts'
import { noteLoss } from './loss.ts'
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts'

const NEWLINE = 10
const MAX_PIECE_BYTES = 16384

export class JsonFileLog implements LogDriver {
  readonly #file: RotatingFile
  /** The first bytes of a character whose others have not come yet. */
  readonly #begun: Record<StreamName, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }

  constructor(options: RotatingFileOptions) {
    this.#file = new RotatingFile(options)
  }

  write(stream: StreamName, bytes: Buffer): void {
    noteLoss(this.#file, this)
    const data = this.#begun[stream].byteLength === 0 ? bytes : Buffer.concat([this.#begun[stream], bytes])
    const whole = data.byteLength - unfinishedBytes(data)
    this.#begun[stream] = Buffer.from(data.subarray(whole))
    this.#entries(stream, data.subarray(0, whole))
    this.#file.flush()
  }

  note(text: string): void {
    this.#entries('stderr', Buffer.from(`${text}\n`), 0)
    this.#file.flush()
  }

  close(): void {
    noteLoss(this.#file, this)
    for (const stream of ['stdout', 'stderr'] as const) this.#entries(stream, this.#begun[stream])
    this.#file.close()
  }

  #entries(stream: StreamName, data: Buffer, counted?: number): void {
    const tail = `,"stream":"${stream}","time":"${formatTimestamp(wallClockNs())}"}\n`
    for (let start = 0; start < data.byteLength; ) {
      const newline = data.indexOf(NEWLINE, start)
      const end = pieceEnd(data, start, newline < 0 ? data.byteLength : newline + 1)
      const text = JSON.stringify(data.toString('utf8', start, end))
      const { buffer, at } = this.#file.reserve(3 * text.length + tail.length + 7)
      const length = buffer.write(`{"log":${text}${tail}`, at)
      this.#file.commit(at + length, counted ?? end - start)
      start = end
    }
  }
}

/** Where a piece of a line ends: at most 16 KiB on, never inside a character. */
function pieceEnd(data: Buffer, start: number, lineEnd: number): number {
  if (lineEnd - start <= MAX_PIECE_BYTES) return lineEnd
  const end = start + MAX_PIECE_BYTES
  return end - unfinishedBytes(data.subarray(start, end))
}

/** How many bytes at the end begin a character of UTF-8 that is not complete; 0 where they can be none. */
function unfinishedBytes(data: Buffer): number {
  for (let back = 1; back <= Math.min(3, data.byteLength); back++) {
    const byte = data[data.byteLength - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
  }
  return 0
}
