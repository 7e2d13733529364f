// An attached process that is a child of this command line (exec): copies between its streams and descriptors 0 to 2 until it ends or
// the user leaves. A plain loop over descriptors.

import { Input } from '#monitor/input.ts'
import { Output } from '#monitor/output.ts'
import { HEADER_BYTES } from '#monitor/protocol.ts'
import { Deadlines } from '#sys/deadlines.ts'
import { duplicate, type Fd } from '#sys/fd.ts'
import { Poller } from '#sys/poll.ts'
import { type ExitStatus, killProcess, waitProcess } from '#sys/process.ts'
import { LocalSide, type Peer, type WantedStreams } from './local-side.ts'

export interface ProcessSession {
  /** A child of this process. */
  pid: number
  /** The master of its terminal, or */
  terminal?: Fd
  /** our ends of its pipes. */
  pipes?: { stdin: Fd | undefined; stdout: Fd; stderr: Fd }
  wanted: WantedStreams
  /** `ctrl-p,ctrl-q`; empty for none. */
  detachKeys: string
}

export type ProcessOutcome = { kind: 'exited'; exitCode: number } | { kind: 'detached' }

/** What others still hold of its pipes is read for this long after the process has ended. */
const QUIET_MS = 100
const DRAIN_MS = 2000

/** Returns when the process has ended and its output has been taken, or the user has left; the terminal is then as it was. */
export function runProcessSession(session: ProcessSession): ProcessOutcome {
  using poller = new Poller()
  using link = new ProcessLink(poller, session)
  return link.run()
}

class ProcessLink implements Disposable {
  readonly #poller: Poller
  readonly #session: ProcessSession
  readonly #deadlines = new Deadlines()
  readonly #input: Input | undefined
  readonly #outputs: Output[]
  readonly #local: LocalSide
  #status: ExitStatus | undefined
  #hasLeft = false
  #isHeld = false

  constructor(poller: Poller, session: ProcessSession) {
    this.#poller = poller
    this.#session = session
    const { terminal, pipes } = session
    const stdin = terminal === undefined ? pipes?.stdin : duplicate(terminal.number)
    this.#input = stdin && new Input(poller, stdin, terminal !== undefined, () => this.#local.listen(true))
    const output = (stream: 'stdout' | 'stderr', fd: Fd | undefined): Output[] =>
      fd === undefined
        ? []
        : [new Output(poller, this.#deadlines, stream, fd, (name, frame) => this.#print(name, frame))]
    this.#outputs = [...output('stdout', terminal ?? pipes?.stdout), ...output('stderr', pipes?.stderr)]
    this.#local = new LocalSide(
      poller,
      { wanted: session.wanted, tty: terminal !== undefined, detachKeys: session.detachKeys },
      this.#peer(),
    )
  }

  run(): ProcessOutcome {
    this.#reap() // its end may have come before our handler
    while (!this.#hasLeft && (this.#status === undefined || this.#outputs.some(output => output.isOpen))) this.#turn()
    this.#local.listen(false)
    while (!this.#hasLeft && !this.#local.isFlushed) this.#turn()
    return this.#status === undefined ? { kind: 'detached' } : { kind: 'exited', exitCode: this.#status.code }
  }

  [Symbol.dispose](): void {
    this.#local[Symbol.dispose]()
    this.#input?.close()
    for (const output of this.#outputs) output.close()
  }

  #turn(): void {
    this.#poller.wait(this.#deadlines.nextMs())
    this.#deadlines.run()
  }

  #peer(): Peer {
    return {
      input: bytes => {
        this.#input?.write(bytes)
        if (this.#input?.isFull === true) this.#local.listen(false)
      },
      endInput: () => this.#input?.end(),
      resize: size => this.#input?.resize(size),
      signal: number => {
        if (this.#status === undefined) killProcess(this.#session.pid, number)
      },
      hold: on => {
        this.#isHeld = on
        for (const output of this.#outputs) {
          if (on) output.pause()
          else output.resume()
        }
      },
      outputClosed: stream => {
        if (this.#session.terminal !== undefined) this.#hasLeft = true
        else for (const output of this.#outputs) if (output.stream === stream) output.close()
      },
      detach: () => {
        this.#hasLeft = true
      },
      onChild: () => this.#reap(),
    }
  }

  #print(stream: 'stdout' | 'stderr', frame: Buffer): void {
    if (this.#session.wanted[stream]) this.#local.print(stream, frame.subarray(HEADER_BYTES))
    if (this.#status !== undefined) this.#expectQuiet()
  }

  #reap(): void {
    if (this.#status !== undefined) return
    this.#status = waitProcess(this.#session.pid, true)?.status
    if (this.#status === undefined) return
    for (const output of this.#outputs) output.expectEnd()
    this.#expectQuiet()
    this.#closeAfter('drained', DRAIN_MS)
  }

  #expectQuiet(): void {
    this.#closeAfter('quiet', QUIET_MS)
  }

  /** Time during which our own reader is waited for does not count. */
  #closeAfter(subject: string, ms: number): void {
    this.#deadlines.set(subject, ms, () => {
      if (this.#isHeld) this.#closeAfter(subject, ms)
      else this.#closeOutputs()
    })
  }

  #closeOutputs(): void {
    for (const output of this.#outputs) output.close()
  }
}
