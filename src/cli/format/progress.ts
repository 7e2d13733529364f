// Shows a pull, load or save on standard error: a line per blob redrawn in place on a terminal, plain lines elsewhere.
import type { OnProgress, ProgressEvent } from '#engine/contracts/image.ts'
import { humanSize } from './sizes.ts'

export interface Progress extends Disposable {
  onProgress: OnProgress
}

/** Where progress goes; `columns` is absent where it is no terminal. */
export interface ProgressTarget {
  write: (text: string) => void
  columns?: number
  rows?: number
}

type Blob = Extract<ProgressEvent, { kind: 'blob' }>

interface Line extends Blob {
  startedMs: number
  startedBytes: number
}

const redrawMs = 100

/** Dispose it before anything else is printed: it leaves the last state on the screen. */
export function openProgress(target: ProgressTarget): Progress {
  return target.columns === undefined ? new PlainProgress(target) : new DrawnProgress(target)
}

/** One line when something begins and one when it is done. */
class PlainProgress implements Progress {
  readonly #target: ProgressTarget
  readonly #said = new Set<string>()

  constructor(target: ProgressTarget) {
    this.#target = target
  }

  readonly onProgress = (event: ProgressEvent): void => {
    for (const line of sentences(event)) {
      if (event.kind !== 'note' && this.#said.has(line)) continue
      this.#said.add(line)
      this.#target.write(`${line}\n`)
    }
  };

  [Symbol.dispose](): void {}
}

function sentences(event: ProgressEvent): string[] {
  if (event.kind !== 'blob') return [sentence(event)]
  const name = `Copying ${event.role === 'config' ? 'config' : 'blob'} ${event.digest}`
  if (event.phase === 'copying') return [name]
  if (event.phase === 'exists') return [`${name} skipped: already exists`]
  return event.phase === 'done' ? [`${name} done`] : []
}

/** Lines below the cursor's start, drawn again at most ten times a second; finished ones at the top scroll away. */
class DrawnProgress implements Progress {
  readonly #target: ProgressTarget
  readonly #lines = new Map<string, Line>()
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  constructor(target: ProgressTarget) {
    this.#target = target
  }

  readonly onProgress = (event: ProgressEvent): void => {
    if (event.kind !== 'blob') {
      const line = `${fit(sentence(event), this.#width)}\n`
      if (event.kind === 'manifest') this.#finish(line)
      else this.#draw(line)
      return
    }
    const key = `${event.role} ${event.digest}`
    const before = this.#lines.get(key)
    const isStart = before === undefined || (before.phase !== event.phase && event.phase === 'copying')
    const start = isStart ? { startedMs: performance.now(), startedBytes: event.doneBytes } : before
    this.#lines.set(key, { ...event, startedMs: start.startedMs, startedBytes: start.startedBytes })
    this.#timer ??= setTimeout(() => this.#draw(''), redrawMs).unref()
  };

  [Symbol.dispose](): void {
    this.#finish('')
  }

  /** Leaves the last state on the screen and never touches it again. */
  #finish(last: string): void {
    this.#draw('')
    if (last !== '') this.#target.write(last)
    this.#lines.clear()
    this.#drawn = 0
  }

  get #width(): number {
    return (this.#target.columns ?? 80) - 1
  }

  /** Draws `above`, which stays, and the lines under it. */
  #draw(above: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (above === '' && this.#drawn === 0 && this.#lines.size === 0) return
    const back = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`
    const texts: string[] = []
    let scrolled = ''
    for (const [key, line] of this.#lines) {
      const text = `${fit(describe(line, this.#width), this.#width)}\n`
      const isOver = line.phase === 'done' || line.phase === 'exists'
      if (isOver && texts.length === 0) {
        scrolled += text
        this.#lines.delete(key)
      } else texts.push(text)
    }
    const shown = texts.slice(0, Math.max(1, (this.#target.rows ?? 24) - 2))
    this.#target.write(`${back}\x1b[J${above}${scrolled}${shown.join('')}`)
    this.#drawn = shown.length
  }
}

function sentence(event: Exclude<ProgressEvent, Blob>): string {
  switch (event.kind) {
    case 'trying':
      return `Trying to pull ${event.reference}${event.endpoint === undefined ? '' : ` from ${event.endpoint}`}...`
    case 'manifest':
      return 'Writing manifest to image destination'
    case 'note':
      return event.text
  }
}

function describe(line: Line, width: number): string {
  const name = `Copying ${line.role === 'config' ? 'config' : 'blob'} ${line.digest.replace(/^[^:]*:/, '').slice(0, 12)} `
  switch (line.phase) {
    case 'waiting':
      return `${name}waiting`
    case 'unpacking':
      return `${name}unpacking`
    case 'exists':
      return `${name}skipped: already exists`
    case 'done':
      return `${name}done`
    case 'copying':
      return name + movement(line, width - name.length)
  }
}

/** `[=====>-----] 3.2MB / 7.7MB | 12MB/s | 3s`, with a bar as wide as fits. */
function movement(line: Line, room: number): string {
  const elapsed = (performance.now() - line.startedMs) / 1000
  const rate = elapsed < 0.3 ? 0 : (line.doneBytes - line.startedBytes) / elapsed
  const speed = rate > 0 ? ` | ${humanSize(rate)}/s` : ''
  const total = line.totalBytes
  if (total === undefined || total === 0) return humanSize(line.doneBytes) + speed
  const left = rate > 0 ? ` | ${countdown((total - line.doneBytes) / rate)}` : ''
  const words = `${humanSize(line.doneBytes)} / ${humanSize(total)}${speed}${left}`
  // the words are at most 40 wide: bars of one length, however the numbers change
  const bar = Math.min(40, room - 44)
  if (bar < 8) return words
  const filled = Math.min(bar, Math.floor((line.doneBytes / total) * bar))
  const arrow = filled < bar ? '>' : ''
  return `[${'='.repeat(filled)}${arrow}${'-'.repeat(bar - filled - arrow.length)}] ${words}`
}

function countdown(seconds: number): string {
  const whole = Math.ceil(Math.max(0, seconds))
  if (whole < 60) return `${whole}s`
  return whole < 3600
    ? `${Math.floor(whole / 60)}m${whole % 60}s`
    : `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : text.slice(0, Math.max(0, width))
}
