// Shows a build on standard error as BuildKit's users know it: a live view on a terminal, plain lines elsewhere, or JSON lines.
import { stripVTControlCharacters } from 'node:util'
import type { BuildEvent } from '#engine/contracts/build.ts'
import { openProgress } from './progress.ts'

export interface BuildProgress extends Disposable {
  onEvent: (event: BuildEvent) => void
}

export interface BuildProgressTarget {
  write: (text: string) => void
  columns: number
  rows: number
}

export type BuildProgressKind = 'plain' | 'tty' | 'rawjson' | 'quiet'

/** Dispose it before anything else is printed. */
export function openBuildProgress(kind: BuildProgressKind, target: BuildProgressTarget): BuildProgress {
  switch (kind) {
    case 'plain':
      return new PlainBuild(target)
    case 'tty':
      return new DrawnBuild(target)
    case 'rawjson':
      return new JsonBuild(target)
    case 'quiet':
      return new QuietBuild(target)
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`

/** Whole lines of a stream; what has no newline yet waits. */
class Lines {
  #open = ''
  readonly #decoder = new TextDecoder()

  take(chunk: Uint8Array): string[] {
    const parts = (this.#open + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#open = parts.pop() ?? ''
    return parts.map(visible)
  }

  rest(): string[] {
    const rest = this.#open
    this.#open = ''
    return rest === '' ? [] : [visible(rest)]
  }
}

/** What a progress bar of the step left on its line; nothing that moves the cursor of ours. */
function visible(line: string): string {
  const last = line.replace(/\r+$/, '').split('\r').at(-1) ?? ''
  return stripVTControlCharacters(last).replace(/(?!\t)\p{Cc}/gu, '')
}

class PlainBuild implements BuildProgress {
  readonly #target: BuildProgressTarget
  readonly #steps = new Map<number, { startedMs: number; streams: Record<'stdout' | 'stderr', Lines> }>()
  readonly #pulls: ReturnType<typeof openProgress>

  constructor(target: BuildProgressTarget) {
    this.#target = target
    this.#pulls = openProgress({ write: text => target.write(text) })
  }

  readonly onEvent = (event: BuildEvent): void => {
    const line = (text: string): void => this.#target.write(`${text}\n`)
    switch (event.kind) {
      case 'start':
        this.#steps.set(event.step, {
          startedMs: performance.now(),
          streams: { stdout: new Lines(), stderr: new Lines() },
        })
        return line(`#${event.step} ${event.name}`)
      case 'output': {
        const step = this.#steps.get(event.step)
        for (const text of step?.streams[event.stream].take(event.chunk) ?? [])
          line(`#${event.step} ${((performance.now() - (step?.startedMs ?? 0)) / 1000).toFixed(3)} ${text}`)
        return
      }
      case 'progress':
        return this.#pulls.onProgress(event.event)
      case 'done':
        this.#flush(event.step)
        return line(event.how === 'cached' ? `#${event.step} CACHED` : `#${event.step} DONE ${seconds(event.ms)}`)
      case 'failed':
        this.#flush(event.step)
        return line(`#${event.step} ERROR: ${event.message}`)
      case 'warning':
        return line(event.text)
    }
  };

  [Symbol.dispose](): void {
    this.#pulls[Symbol.dispose]()
  }

  #flush(step: number): void {
    const { streams } = this.#steps.get(step) ?? {}
    for (const text of [...(streams?.stdout.rest() ?? []), ...(streams?.stderr.rest() ?? [])])
      this.#target.write(`#${step} ${text}\n`)
  }
}

/** What BuildKit's `--progress rawjson` writes, in its shape: vertexes, logs, warnings. */
class JsonBuild implements BuildProgress {
  readonly #target: BuildProgressTarget
  readonly #started = new Map<number, { name: string; at: string }>()

  constructor(target: BuildProgressTarget) {
    this.#target = target
  }

  readonly onEvent = (event: BuildEvent): void => {
    const now = new Date().toISOString()
    const write = (value: unknown): void => this.#target.write(`${JSON.stringify(value)}\n`)
    const vertex = (step: number, more: object): void => {
      const { name, at } = this.#started.get(step) ?? { name: '', at: now }
      write({ vertexes: [{ digest: `step:${step}`, name, started: at, ...more }] })
    }
    switch (event.kind) {
      case 'start':
        this.#started.set(event.step, { name: event.name, at: now })
        return vertex(event.step, {})
      case 'output': {
        const data = Buffer.from(event.chunk).toString('base64')
        return write({
          logs: [{ vertex: `step:${event.step}`, stream: event.stream === 'stdout' ? 1 : 2, data, timestamp: now }],
        })
      }
      case 'progress':
        if (event.event.kind !== 'blob') return
        return write({
          statuses: [
            {
              id: event.event.digest,
              vertex: `step:${event.step}`,
              current: event.event.doneBytes,
              total: event.event.totalBytes ?? 0,
              timestamp: now,
            },
          ],
        })
      case 'done':
        return vertex(event.step, { completed: now, ...(event.how === 'cached' && { cached: true }) })
      case 'failed':
        return vertex(event.step, { completed: now, error: event.message })
      case 'warning':
        return write({ warnings: [{ short: event.text }] })
    }
  };

  [Symbol.dispose](): void {}
}

/** Nothing, unless a step fails: then what it said. */
class QuietBuild implements BuildProgress {
  readonly #target: BuildProgressTarget
  readonly #said = new Map<number, Uint8Array[]>()

  constructor(target: BuildProgressTarget) {
    this.#target = target
  }

  readonly onEvent = (event: BuildEvent): void => {
    if (event.kind === 'output') {
      const said = this.#said.get(event.step) ?? []
      this.#said.set(event.step, said)
      said.push(event.chunk)
      if (said.length > 100) said.shift()
    } else if (event.kind === 'failed')
      this.#target.write(Buffer.concat(this.#said.get(event.step) ?? []).toString('utf8'))
  };

  [Symbol.dispose](): void {}
}

interface DrawnStep {
  name: string
  startedMs: number
  state: 'running' | 'done' | 'cached' | 'failed'
  ms: number
  lines: Lines
  tail: string[]
}

const tailLines = 6
const redrawMs = 100

/** Steps with their times; of those that run, the last lines they said. */
class DrawnBuild implements BuildProgress {
  readonly #target: BuildProgressTarget
  readonly #steps = new Map<number, DrawnStep>()
  readonly #startedMs = performance.now()
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  constructor(target: BuildProgressTarget) {
    this.#target = target
    this.#timer = setInterval(() => this.#draw(false), redrawMs)
    this.#timer.unref()
  }

  readonly onEvent = (event: BuildEvent): void => {
    if (event.kind === 'warning') {
      this.#erase()
      this.#target.write(`${event.text}\n`)
      return
    }
    if (event.kind === 'start') {
      const lines = new Lines()
      this.#steps.set(event.step, {
        name: event.name,
        startedMs: performance.now(),
        state: 'running',
        ms: 0,
        lines,
        tail: [],
      })
      return
    }
    const step = this.#steps.get(event.step)
    if (step === undefined) return
    switch (event.kind) {
      case 'output':
        step.tail = [...step.tail, ...step.lines.take(event.chunk)].slice(-200)
        return
      case 'progress':
        if (event.event.kind === 'blob' && event.event.phase === 'copying')
          step.tail = [`copying ${event.event.digest.slice(7, 19)} ${event.event.doneBytes} bytes`]
        return
      case 'done':
        step.state = event.how
        step.ms = event.ms
        return
      case 'failed':
        step.state = 'failed'
        step.ms = event.ms
        step.tail.push(...step.lines.rest())
    }
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#draw(true)
    for (const { state, name, tail } of this.#steps.values())
      if (state === 'failed')
        this.#target.write(
          `------\n > ${name}:\n${tail
            .slice(-30)
            .map(line => `${line}\n`)
            .join('')}------\n`,
        )
  }

  #erase(): void {
    if (this.#drawn > 0) this.#target.write(`\x1b[${this.#drawn}A\x1b[J`)
    this.#drawn = 0
  }

  #draw(isLast: boolean): void {
    const { columns, rows } = this.#target
    const done = [...this.#steps.values()].filter(({ state }) => state !== 'running').length
    const head = `[+] Building ${seconds(performance.now() - this.#startedMs)} (${done}/${this.#steps.size})${isLast ? ' FINISHED' : ''}`
    const lines = [...this.#steps.values()].flatMap(step => this.#describe(step, columns, isLast))
    const room = isLast ? lines.length : Math.max(3, rows - 3)
    this.#erase()
    const shown = [head, ...lines.slice(-room)]
    this.#target.write(shown.map(line => `${line}\n`).join(''))
    this.#drawn = isLast ? 0 : shown.length
  }

  #describe({ name, state, startedMs, ms, tail }: DrawnStep, columns: number, isLast: boolean): string[] {
    const time = seconds(state === 'running' ? performance.now() - startedMs : ms)
    const mark = { running: ' => ', done: ' => ', cached: ' => CACHED ', failed: ' => ERROR ' }[state]
    const room = columns - time.length - 2
    const first = `${mark}${name}`.slice(0, room).padEnd(room)
    const said =
      state === 'running' && !isLast ? tail.slice(-tailLines).map(line => ` => => # ${line}`.slice(0, columns - 1)) : []
    return [`${first} ${time}`, ...said]
  }
}
