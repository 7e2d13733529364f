// The command line's side of an attached container or process: descriptors 0 to 2, the terminal's mode and size, signals.
// Runs in the command line; whoever is on the other side is a Peer.
import { parseDetachKeys } from '#container/options/detach-keys.ts'
import type { StreamName } from '#monitor/log/driver.ts'
import { tryRead } from '#monitor/nonblocking.ts'
import { SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGWINCH } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { SignalRelay } from '#sys/signal-relay.ts'
import { isTerminal, RawMode, readWindowSize, type WindowSize } from '#sys/terminal.ts'
import { DetachScanner } from './detach-scanner.ts'
import { OwnOutput } from './own-output.ts'
import { proxiedSignals } from './signals.ts'

/** Which of our descriptors are connected, and whether our signals are passed on. */
export interface WantedStreams {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  sigProxy: boolean
}

export interface LocalOptions {
  wanted: WantedStreams
  /** The other side has a terminal. */
  tty: boolean
  /** `ctrl-p,ctrl-q`; empty for none. */
  detachKeys: string
}

/** The other side. */
export interface Peer {
  /** Input for it; the bytes are valid during the call. */
  input(bytes: Buffer): void
  endInput(): void
  resize(size: WindowSize): void
  signal(number: number): void
  /** Stops or goes on fetching its output. */
  hold(on: boolean): void
  /** Our own reader of this stream has gone. */
  outputClosed(stream: StreamName): void
  /** The user, or the terminal, has left. */
  detach(): void
  onChild(): void
}

const READ_BYTES = 65536
const SIGQUIT = 3

export class LocalSide implements Disposable {
  readonly #poller: Poller
  readonly #options: LocalOptions
  readonly #peer: Peer
  readonly #outputs: Record<StreamName, OwnOutput>
  readonly #scanner: DetachScanner
  readonly #relay: SignalRelay
  readonly #relayFd: number
  readonly #isInteractive: boolean
  #rawMode: RawMode | undefined
  #readsInput = false
  #inputHasEnded = false

  constructor(poller: Poller, options: LocalOptions, peer: Peer) {
    this.#poller = poller
    this.#options = options
    this.#peer = peer
    const output = (stream: StreamName, fd: number): OwnOutput =>
      new OwnOutput(poller, fd, {
        onGone: () => peer.outputClosed(stream),
        onRoom: () => this.#review(),
      })
    this.#outputs = { stdout: output('stdout', 1), stderr: output('stderr', 2) }
    const { wanted, tty } = options
    const stdinIsTerminal = wanted.stdin && isTerminal(0)
    // bytes of a file or a pipe that happen to be the keys are data
    this.#scanner = new DetachScanner(parseDetachKeys(stdinIsTerminal ? options.detachKeys : ''))
    this.#isInteractive = tty && stdinIsTerminal
    // before signals are caught: in the background this stops the process, and then it must be possible to end it
    if (this.#isInteractive) this.#rawMode = new RawMode(0)
    this.#relay = new SignalRelay(this.#signals())
    this.#relayFd = this.#relay.fd
    poller.watch(this.#relayFd, READABLE, () => {
      for (const signal of this.#relay.take()) this.#onSignal(signal)
    })
    if (tty) this.#sendSize()
    this.listen(true)
  }

  /** Output of the other side; the bytes are valid during the call. */
  print(stream: StreamName, bytes: Buffer): void {
    this.#outputs[stream].write(bytes)
    if (this.#outputs[stream].isFull) this.#peer.hold(true)
  }

  /** True once everything printed has been taken, or nobody will take it. */
  get isFlushed(): boolean {
    return this.#outputs.stdout.isEmpty && this.#outputs.stderr.isEmpty
  }

  /** Stops or goes on reading standard input, where that is wanted and as the other side takes it. */
  listen(on: boolean): void {
    const reads = on && this.#options.wanted.stdin && !this.#inputHasEnded
    if (this.#readsInput === reads) return
    this.#readsInput = reads
    if (!reads) this.#poller.unwatch(0)
    else this.#watchInput()
  }

  /** The terminal and the signals are as they were before. */
  [Symbol.dispose](): void {
    this.#rawMode?.[Symbol.dispose]()
    this.#poller.unwatch(this.#relayFd)
    this.#relay[Symbol.dispose]()
    this.#outputs.stdout.close()
    this.#outputs.stderr.close()
  }

  #signals(): number[] {
    const { tty, wanted } = this.#options
    if (tty) return [SIGCHLD, SIGWINCH, ...(this.#isInteractive ? [SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGCONT] : [])]
    return wanted.sigProxy ? [SIGCHLD, ...proxiedSignals] : [SIGCHLD]
  }

  #onSignal(signal: number): void {
    if (signal === SIGCHLD) this.#peer.onChild()
    else if (signal === SIGWINCH) this.#sendSize()
    else if (!this.#options.tty) this.#peer.signal(signal)
    else if (signal === SIGHUP) this.#peer.detach()
    else if (signal === SIGCONT) this.#resume()
    else this.#dieOf(signal)
  }

  /** Asked to end while the terminal is raw: the terminal first. */
  #dieOf(signal: number): void {
    this[Symbol.dispose]()
    process.kill(process.pid, signal)
  }

  /** After a stop, the shell may have changed the terminal's mode and the user its size. */
  #resume(): void {
    this.#rawMode?.[Symbol.dispose]()
    this.#rawMode = new RawMode(0)
    this.#sendSize()
  }

  #sendSize(): void {
    for (const fd of [0, 1, 2]) {
      const size = readWindowSize(fd)
      if (size === undefined) continue
      this.#peer.resize(size)
      return
    }
  }

  #watchInput(): void {
    try {
      this.#poller.watch(0, READABLE, () => this.#readInput())
    } catch {
      this.#endInput() // it is closed
    }
  }

  #readInput(): void {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    const got = tryRead(0, buffer)
    if (got === 'again') return
    if (typeof got === 'string') {
      if (this.#isInteractive) this.#peer.detach()
      else this.#endInput()
      return
    }
    const { pass, isComplete } = this.#scanner.scan(buffer.subarray(0, got))
    if (pass.byteLength > 0) this.#peer.input(pass)
    if (isComplete) this.#peer.detach()
  }

  #endInput(): void {
    this.#inputHasEnded = true
    this.listen(false)
    this.#peer.endInput()
  }

  #review(): void {
    if (!this.#outputs.stdout.isFull && !this.#outputs.stderr.isFull) this.#peer.hold(false)
  }
}
