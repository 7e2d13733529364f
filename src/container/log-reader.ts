// Reading a container's log files, oldest first, from the end, and as they grow and are replaced. Takes no lock.
import { closeSync, fstatSync, statSync } from 'node:fs'
import { LineReader, lastLineEnd, linesBackward, openIfThere } from '#storage/line-file.ts'
import type { LogConfig } from './log-config.ts'
import { parseLogLine, type RecordedEntry } from './log-entry.ts'

export type FileLogConfig = Extract<LogConfig, { path: string }>

/** Entries of one log in the order they were written. Whoever opens it closes it. */
export class LogReader implements Disposable {
  readonly #config: FileLogConfig
  #lines: LineReader | undefined

  constructor(config: FileLogConfig) {
    this.#config = config
  }

  /** The entries that make the last `count` lines; `take` goes on behind them. */
  tail(count: number): RecordedEntry[] {
    const found: RecordedEntry[] = []
    const [newest, ...older] = this.#openFiles().toReversed()
    if (newest === undefined) return found
    const { size } = fstatSync(newest)
    let isDone = this.#collectBackward(found, newest, size, count)
    for (const fd of older) {
      isDone ||= this.#collectBackward(found, fd, fstatSync(fd).size, count)
      closeSync(fd)
    }
    this.#lines = new LineReader(newest, lastLineEnd(newest, size))
    return found.toReversed()
  }

  /** The entries that have come since the last call, at first all; does not wait. */
  *take(): Generator<RecordedEntry> {
    for (;;) {
      this.#lines ??= this.#openNext(undefined)
      if (this.#lines === undefined) return
      const isReplaced = statSync(this.#config.path, { throwIfNoEntry: false })?.ino !== this.#lines.inode
      for (const line of this.#lines.read()) {
        const entry = parseLogLine(this.#config.driver, line)
        if (entry !== undefined) yield entry
      }
      if (!isReplaced) return
      const following = this.#openNext(this.#lines.inode)
      if (following === undefined) return // removed with its container: what is open is the last there is
      this.#lines[Symbol.dispose]()
      this.#lines = following
    }
  }

  [Symbol.dispose](): void {
    this.#lines?.[Symbol.dispose]()
    this.#lines = undefined
  }

  /** `path.2`, `path.1`, `path`. */
  #paths(): string[] {
    const { path, maxFiles } = this.#config
    return Array.from({ length: maxFiles }, (_, index) => (index === 0 ? path : `${path}.${index}`)).toReversed()
  }

  #openFiles(): number[] {
    return this.#paths().flatMap(path => openIfThere(path) ?? [])
  }

  /** The file after the one with this inode; the oldest one where that is gone, or none is named. */
  #openNext(inode: number | undefined): LineReader | undefined {
    const readers = this.#openFiles().map(fd => new LineReader(fd))
    const index = readers.findIndex(reader => reader.inode === inode) + 1
    for (const [position, reader] of readers.entries()) if (position !== index) reader[Symbol.dispose]()
    return readers[index]
  }

  /** Adds entries, last one first, until they make `count` lines; true then. Pieces belong to the line that ends behind them. */
  #collectBackward(found: RecordedEntry[], fd: number, size: number, count: number): boolean {
    let lines = found.filter(({ partial }, index) => !partial || index === 0).length
    if (count === 0) return true
    for (const line of linesBackward(fd, size)) {
      const entry = parseLogLine(this.#config.driver, Buffer.from(line))
      if (entry === undefined) continue
      const endsLine = !entry.partial || found.length === 0
      if (endsLine && lines === count) return true
      if (endsLine) lines++
      found.push(entry)
    }
    return false
  }
}
