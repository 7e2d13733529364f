// Plain bytes to compressed ones. The same bytes always make the same result, whatever the machine has of processors. Host namespaces.
//
// gzip: the archive is cut into blocks of half a megabyte, and each becomes a member of its own (RFC 1952, section 2.2: a file is a series
// of members, and decompressors read on from one to the next). So processes can work side by side (docs/decisions/compression.md).
import { read } from 'node:fs'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { TspodError } from '#errors.ts'
import { gzipMember } from '#host/bun.ts'
import { type Fd, openPipe } from '#sys/fd.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { startWorker, type Worker } from '#userns/worker.ts'
import type { GzipRequest } from './gzip-worker.ts'

export type Packed = 'gzip' | 'zstd'

export interface CompressOptions {
  format: Packed
  level: number
  /** Where workers run; absent: this thread does it all. */
  openNamespace?: () => Promise<UserNamespace>
  /** A file with the very bytes of the source: workers read it themselves, and the source is read only to its end. */
  file?: { path: string; bytes: number }
}

/** libdeflate's 2 packs about as tightly as zlib's 6. */
export const defaultLevel: Record<Packed, number> = { gzip: 2, zstd: 3 }
export const highestLevel: Record<Packed, number> = { gzip: 9, zstd: 19 }

const blockBytes = 1 << 19
const mostLanes = 8

/** The compressed form of `source`. */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  { format, level, openNamespace, file }: CompressOptions,
): AsyncIterable<Uint8Array> {
  if (format === 'zstd') return yield* zstd(source, level)
  if (openNamespace === undefined) {
    for await (const block of blocksOf(source)) yield gzipMember(block, level)
    return
  }
  const namespace = await openNamespace()
  await using lanes = new Lanes(namespace, { level, ...(file && { path: file.path }) })
  const end = file === undefined ? undefined : readToEnd(source)
  end?.catch(() => undefined) // told below
  const waiting: Promise<Uint8Array>[] = []
  for await (const block of file === undefined ? blocksOf(source) : extentsOf(file.bytes)) {
    waiting.push(lanes.compress(block))
    if (waiting.length >= lanes.count * 2) yield await (waiting.shift() as Promise<Uint8Array>)
  }
  for (const member of waiting) yield await member
  await end
}

async function readToEnd(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source);
}

/** A block of a file. */
interface Extent {
  offset: number
  bytes: number
}

/** As `blocksOf` cuts. */
function* extentsOf(bytes: number): Generator<Extent> {
  for (let offset = 0; offset === 0 || offset < bytes; offset += blockBytes)
    yield { offset, bytes: Math.min(blockBytes, bytes - offset) }
}

async function* zstd(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array> {
  const { createZstdCompress, constants } = await import('node:zlib')
  const { pipeline, Readable } = await import('node:stream')
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 }
  const stream = createZstdCompress({ chunkSize: 256 << 10, params })
  let failure: unknown
  pipeline(Readable.from(source, { objectMode: true, highWaterMark: 2 }), stream, error => (failure = error))
  try {
    yield* stream as AsyncIterable<Buffer>
  } catch (error) {
    throw failure ?? error
  }
}

/** Blocks of one size, whatever pieces they come in; an empty source is one empty block. */
async function* blocksOf(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array<ArrayBuffer>> {
  let block = Buffer.allocUnsafeSlow(blockBytes)
  let filled = 0
  let isFirst = true
  for await (const chunk of source)
    for (let taken = 0; taken < chunk.byteLength; ) {
      const part = chunk.subarray(taken, taken + blockBytes - filled)
      block.set(part, filled)
      filled += part.byteLength
      taken += part.byteLength
      if (filled < blockBytes) continue
      yield block
      isFirst = false
      block = Buffer.allocUnsafeSlow(blockBytes)
      filled = 0
    }
  if (filled > 0 || isFirst) yield block.subarray(0, filled)
}

const readAsync = promisify(read)

/** Worker processes that take turns. Each has one block at a time, so that no pipe is full on both sides. */
class Lanes implements AsyncDisposable {
  readonly #lanes: { worker: Worker; output: Fd; last: Promise<unknown> }[] = []
  #next = 0

  constructor(namespace: UserNamespace, request: GzipRequest) {
    const count = Math.min(mostLanes, availableParallelism())
    for (let index = 0; index < count; index++) {
      const [output, writer] = openPipe()
      using _writer = writer
      const worker = startWorker(namespace, 'gzip', request, { stdin: 'pipe', stdout: writer.number })
      this.#lanes.push({ worker, output, last: Promise.resolve() })
    }
  }

  get count(): number {
    return this.#lanes.length
  }

  compress(block: Uint8Array | Extent): Promise<Uint8Array> {
    const lane = this.#lanes[this.#next++ % this.#lanes.length]
    if (lane === undefined) throw new TspodError('INTERNAL', 'compressing: there is no worker')
    const earlier = lane.last
    const member = (async () => {
      await earlier
      await lane.worker.write(messageOf(block))
      const head = Buffer.alloc(4)
      await fill(lane.output.number, head)
      const packed = Buffer.allocUnsafeSlow(head.readUInt32LE())
      await fill(lane.output.number, packed)
      return packed
    })()
    lane.last = member
    member.catch(() => undefined) // whoever takes the member hears of it
    return member
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { worker, output } of this.#lanes) {
      await worker[Symbol.asyncDispose]()
      output.close()
    }
  }
}

/** What a worker is asked: the bytes, or where they are in its file. */
function messageOf(block: Uint8Array | Extent): Buffer {
  const isExtent = !(block instanceof Uint8Array)
  const head = Buffer.alloc(isExtent ? 12 : 4)
  head.writeUInt32LE(isExtent ? block.bytes : block.byteLength)
  if (!isExtent) return Buffer.concat([head, block])
  head.writeDoubleLE(block.offset, 4)
  return head
}

async function fill(fd: number, buffer: Buffer): Promise<void> {
  for (let done = 0; done < buffer.byteLength; ) {
    const { bytesRead } = await readAsync(fd, buffer, done, buffer.byteLength - done, null)
    if (bytesRead === 0)
      throw new TspodError('INTERNAL', 'compressing a layer: a worker ended before its time', {
        hint: 'it was killed from outside (out of memory, or a signal); try again',
      })
    done += bytesRead
  }
}
