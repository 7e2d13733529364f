// events.jsonl, the journal of events: one JSON object a line, appended by whoever caused it, in one write. When it has grown it becomes
// events.1.jsonl and a new one begins. Host namespaces.
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { log } from '#log.ts'
import { wallClockNs } from '#sys/clock.ts'
import { tryLock } from '#sys/lock.ts'
import { LineReader, lastLineEnd, linesBackward, openIfThere } from './line-file.ts'

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

const currentPath = (graphRoot: string): string => join(graphRoot, 'events.jsonl')
const olderPath = (graphRoot: string): string => join(graphRoot, 'events.1.jsonl')

/** Appends events that have just happened. A disk without space loses them, never what caused them. */
export function appendEvents(graphRoot: string, ...events: readonly Omit<JournalEvent, 'timeNano'>[]): void {
  const timeNano = wallClockNs().toString()
  const lines = Buffer.from(events.map(event => `${JSON.stringify({ timeNano, ...event })}\n`).join(''))
  try {
    const fd = openSync(currentPath(graphRoot), 'a', 0o600)
    try {
      writeSync(fd, lines) // one write with O_APPEND: lines of several writers never mix
      if (fstatSync(fd).size > MAX_BYTES) rotate(graphRoot)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    const lost = events.map(({ status, type, id }) => `"${status}" of ${type} ${id}`).join(', ')
    log.debug(`not in the journal of events: ${lost}: ${String(error)}`)
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
    using lines = new LineReader(fd)
    for (const line of lines.read()) yield* parseEvent(line)
  }
}

/** Every event that is kept, newest first. */
export function* readEventsBackward(graphRoot: string): Generator<JournalEvent> {
  for (const path of [currentPath(graphRoot), olderPath(graphRoot)]) {
    const fd = openIfThere(path)
    if (fd === undefined) continue
    try {
      for (const line of linesBackward(fd, fstatSync(fd).size)) yield* parseEvent(line)
    } finally {
      closeSync(fd)
    }
  }
}

/** Events that come after this was opened, as they come; across a rotation. Whoever opens it closes it. */
export class JournalFollower implements Disposable {
  readonly #graphRoot: string
  #lines: LineReader | undefined

  /** From the end of what is there. Open it before reading what is past, so that nothing falls between. */
  constructor(graphRoot: string) {
    this.#graphRoot = graphRoot
    const fd = openIfThere(currentPath(graphRoot))
    if (fd !== undefined) this.#lines = new LineReader(fd, lastLineEnd(fd, fstatSync(fd).size))
  }

  /** What has come since the last call; does not wait. */
  *take(): Generator<JournalEvent> {
    for (;;) {
      const now = statSync(currentPath(this.#graphRoot), { throwIfNoEntry: false })
      for (const line of this.#lines?.read() ?? []) yield* parseEvent(line) // also the last lines before a rotation
      if (now === undefined || now.ino === this.#lines?.inode) return
      this[Symbol.dispose]()
      const fd = openIfThere(currentPath(this.#graphRoot))
      if (fd !== undefined) this.#lines = new LineReader(fd)
    }
  }

  [Symbol.dispose](): void {
    this.#lines?.[Symbol.dispose]()
    this.#lines = undefined
  }
}

function* parseEvent(line: Buffer): Generator<JournalEvent> {
  try {
    const value = JSON.parse(line.toString('utf8')) as Partial<JournalEvent> | null
    if (typeof value?.timeNano === 'string' && typeof value.id === 'string') yield value as JournalEvent
  } catch {
    // cut off by a crash or a full disk
  }
}
