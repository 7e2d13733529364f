// events.jsonl, the journal of events: one JSON object a line, appended by whoever caused it, in one write. When it has grown it becomes
// events.1.jsonl and a new one begins. Host namespaces.
import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { log } from '#log.ts'
import { wallClockNs } from '#sys/clock.ts'
import { tryLock } from '#sys/lock.ts'

export type JournalEventType = 'container' | 'image' | 'volume' | 'network' | 'pod' | 'system'

/** One line (podman-events(1) has the words of `status`). */
export interface JournalEvent {
  /** Nanoseconds since 1970 as text: a number cannot hold them. */
  timeNano: string
  type: JournalEventType
  status: string
  id: string
  name: string
  image?: string
  exitCode?: number
  attributes: Record<string, string>
}

const MAX_BYTES = 8 << 20
const CHUNK_BYTES = 65536
const NEWLINE = 10

const currentPath = (graphRoot: string): string => join(graphRoot, 'events.jsonl')
const olderPath = (graphRoot: string): string => join(graphRoot, 'events.1.jsonl')

/** Appends an event that has just happened. A disk without space loses the event, never what caused it. */
export function appendEvent(graphRoot: string, event: Omit<JournalEvent, 'timeNano'>): void {
  const line = Buffer.from(`${JSON.stringify({ timeNano: wallClockNs().toString(), ...event })}\n`)
  try {
    const fd = openSync(currentPath(graphRoot), 'a', 0o600)
    try {
      writeSync(fd, line) // one write with O_APPEND: lines of several writers never mix
      if (fstatSync(fd).size > MAX_BYTES) rotate(graphRoot)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    log.debug(`event "${event.status}" of ${event.type} ${event.id} is not in the journal: ${String(error)}`)
  }
}

/** Only one process rotates; the others go on writing, to the old file or the new one. */
function rotate(graphRoot: string): void {
  mkdirSync(join(graphRoot, 'locks'), { recursive: true, mode: 0o700 })
  using lock = tryLock(join(graphRoot, 'locks', 'journal'))
  if (lock === undefined || statSync(currentPath(graphRoot)).size <= MAX_BYTES) return
  renameSync(currentPath(graphRoot), olderPath(graphRoot))
}

/** Every event that is kept, oldest first. Lines that are no events (cut by a crash) are skipped. */
export function* readEventsForward(graphRoot: string): Generator<JournalEvent> {
  for (const path of [olderPath(graphRoot), currentPath(graphRoot)]) {
    const fd = openIfThere(path)
    if (fd === undefined) continue
    try {
      const lines = new LineReader(fd)
      yield* lines.read()
    } finally {
      closeSync(fd)
    }
  }
}

/** Every event that is kept, newest first. */
export function* readEventsBackward(graphRoot: string): Generator<JournalEvent> {
  for (const path of [currentPath(graphRoot), olderPath(graphRoot)]) {
    const fd = openIfThere(path)
    if (fd === undefined) continue
    try {
      yield* linesBackward(fd)
    } finally {
      closeSync(fd)
    }
  }
}

/** Events that come after this was opened, as they come; across a rotation. Whoever opens it closes it. */
export class JournalFollower implements Disposable {
  readonly #graphRoot: string
  #fd: number | undefined
  #lines: LineReader | undefined
  #inode = 0

  /** From the end of what is there. Open it before reading what is past, so that nothing falls between. */
  constructor(graphRoot: string) {
    this.#graphRoot = graphRoot
    this.#open(true)
  }

  /** What has come since the last call; does not wait. */
  *take(): Generator<JournalEvent> {
    if (this.#fd === undefined) this.#open(false)
    if (this.#lines !== undefined) yield* this.#lines.read()
    const now = statSync(currentPath(this.#graphRoot), { throwIfNoEntry: false })
    if (now === undefined || now.ino === this.#inode) return
    if (this.#lines !== undefined) yield* this.#lines.read() // the last lines before the rotation
    this[Symbol.dispose]()
    this.#open(false)
    if (this.#lines !== undefined) yield* this.#lines.read()
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#lines = undefined
  }

  #open(atEnd: boolean): void {
    this.#fd = openIfThere(currentPath(this.#graphRoot))
    if (this.#fd === undefined) return
    const { ino, size } = fstatSync(this.#fd)
    this.#inode = ino
    this.#lines = new LineReader(this.#fd, atEnd ? size : 0)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Complete lines of a file that grows. */
class LineReader {
  readonly #fd: number
  #position: number
  #rest: Buffer = Buffer.alloc(0)

  constructor(fd: number, position = 0) {
    this.#fd = fd
    this.#position = position
  }

  *read(): Generator<JournalEvent> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    for (;;) {
      const got = readSync(this.#fd, chunk, 0, chunk.byteLength, this.#position)
      if (got === 0) return
      this.#position += got
      const data = Buffer.concat([this.#rest, chunk.subarray(0, got)])
      const end = data.lastIndexOf(NEWLINE) + 1
      this.#rest = data.subarray(end)
      for (const line of data.toString('utf8', 0, end).split('\n')) {
        const event = parseEvent(line)
        if (event !== undefined) yield event
      }
    }
  }
}

function* linesBackward(fd: number): Generator<JournalEvent> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let rest: Buffer = Buffer.alloc(0)
  for (let position = fstatSync(fd).size; position > 0; ) {
    const length = Math.min(CHUNK_BYTES, position)
    position -= length
    const got = readSync(fd, chunk, 0, length, position)
    const data = Buffer.concat([chunk.subarray(0, got), rest])
    const start = position === 0 ? 0 : data.indexOf(NEWLINE) + 1
    rest = start === 0 && position > 0 ? data : Buffer.from(data.subarray(0, start))
    if (start === 0 && position > 0) continue
    for (const line of data.toString('utf8', start).split('\n').toReversed()) {
      const event = parseEvent(line)
      if (event !== undefined) yield event
    }
  }
}

function parseEvent(line: string): JournalEvent | undefined {
  if (line === '') return undefined
  try {
    const value = JSON.parse(line) as Partial<JournalEvent> | null
    return typeof value?.timeNano === 'string' && typeof value.id === 'string' ? (value as JournalEvent) : undefined
  } catch {
    return undefined // cut off by a crash or a full disk
  }
}
