// An attached container: copies between this process's descriptors and the container's monitor until the container ends or the user
// leaves. A plain loop over descriptors in the command line.

import { setNonBlocking, tryRead, trySend } from '#monitor/nonblocking.ts'
import {
  decodePayload,
  type ExitMessage,
  encodeMessage,
  MAX_DATA_BYTES,
  MessageReader,
  type MessageType,
} from '#monitor/protocol.ts'
import type { Fd } from '#sys/fd.ts'
import { Poller, READABLE, WRITABLE } from '#sys/poll.ts'
import type { WindowSize } from '#sys/terminal.ts'
import { type LocalOptions, LocalSide, type Peer } from './local-side.ts'

export interface ContainerSession extends LocalOptions {
  /** This command has started the container: a reader that closes its pipe closes the container's. */
  isStarter: boolean
  /** Sends a signal to the container's process 1. */
  signal(number: number): void
}

export type ContainerOutcome =
  | ({ kind: 'exited' } & ExitMessage)
  | { kind: 'detached' }
  /** The monitor has gone without a word, or has given this client up. */
  | { kind: 'lost' }

/** Attaches over the socket of a monitor and returns when it is over; the terminal is then as it was. */
export function runContainerSession(socket: Fd, options: ContainerSession): ContainerOutcome {
  using poller = new Poller()
  using link = new MonitorLink(poller, socket, options)
  while (link.outcome === undefined) poller.wait()
  return link.conclude(link.outcome)
}

/** One attached session, for loops that do other things too. */
export class MonitorLink implements Disposable {
  readonly #poller: Poller
  readonly #socket: Fd
  readonly #options: ContainerSession
  readonly #reader = new MessageReader()
  readonly #buffer = Buffer.allocUnsafe(MAX_DATA_BYTES)
  readonly #local: LocalSide
  #toSend: Buffer[] = []
  #isHeld = false
  #isNewcomer: boolean
  #outcome: ContainerOutcome | undefined

  constructor(poller: Poller, socket: Fd, options: ContainerSession) {
    this.#poller = poller
    this.#socket = socket
    this.#options = options
    this.#isNewcomer = !options.isStarter
    setNonBlocking(socket.number)
    const { stdin, stdout, stderr } = options.wanted
    this.#send(encodeMessage('attach', { stdin, stdout, stderr }))
    this.#local = new LocalSide(poller, options, this.#peer())
    this.#watch()
  }

  /** How it is over, once it is. */
  get outcome(): ContainerOutcome | undefined {
    return this.#outcome
  }

  /** Takes leave, and sees that all output has been written. */
  conclude(outcome: ContainerOutcome): ContainerOutcome {
    if (outcome.kind === 'detached') this.#sayGoodbye()
    this.#local.listen(false)
    this.#poller.unwatch(this.#socket.number)
    while (outcome.kind !== 'detached' && !this.#local.isFlushed) this.#poller.wait()
    return outcome
  }

  [Symbol.dispose](): void {
    this.#local[Symbol.dispose]()
  }

  #peer(): Peer {
    return {
      input: bytes => this.#send(encodeMessage('stdin', bytes)),
      endInput: () => this.#send(encodeMessage('stdinEof')),
      resize: size => this.#resize(size),
      signal: number => this.#options.signal(number),
      hold: on => {
        this.#isHeld = on
        this.#watch()
      },
      outputClosed: stream => {
        if (this.#options.isStarter && !this.#options.tty) this.#send(encodeMessage('outputClosed', { stream }))
        else this.#outcome ??= { kind: 'detached' }
      },
      detach: () => {
        this.#outcome ??= { kind: 'detached' }
      },
      onChild: () => {},
    }
  }

  #resize(size: WindowSize): void {
    // whoever comes to a running full-screen program sees nothing until it draws: a change of size makes it do that
    if (this.#isNewcomer) this.#send(encodeMessage('resize', { ...size, rows: size.rows + 1 }))
    this.#isNewcomer = false
    this.#send(encodeMessage('resize', size))
  }

  /** Sends a message; standard input is not read while one has to wait. */
  #send(frame: Buffer): void {
    this.#toSend.push(frame)
    if (this.#toSend.length === 1) this.#flush()
    if (this.#toSend.length > 0) this.#local?.listen(false)
  }

  #flush(): void {
    while (this.#toSend[0] !== undefined) {
      const first = this.#toSend[0]
      const sent = trySend(this.#socket.number, first)
      if (sent === 'gone') {
        this.#toSend = []
        return // what it said before it went is still to be read
      }
      if (sent < first.byteLength) {
        this.#toSend[0] = first.subarray(sent)
        this.#watch()
        return
      }
      this.#toSend.shift()
    }
  }

  #watch(): void {
    if (this.#outcome !== undefined) return
    const events = (this.#isHeld ? 0 : READABLE) | (this.#toSend.length === 0 ? 0 : WRITABLE)
    if (events === 0) this.#poller.unwatch(this.#socket.number)
    else this.#poller.watch(this.#socket.number, events, ready => this.#onReady(ready))
  }

  #onReady(ready: number): void {
    if ((ready & WRITABLE) !== 0) {
      this.#flush()
      if (this.#toSend.length === 0) {
        this.#local.listen(true)
        this.#watch()
      }
    }
    if ((ready & ~WRITABLE) !== 0 && !this.#isHeld) this.#read()
  }

  #read(): void {
    const got = tryRead(this.#socket.number, this.#buffer)
    if (got === 'again') return
    if (typeof got === 'string') this.#outcome ??= { kind: 'lost' }
    else this.#reader.push(this.#buffer.subarray(0, got), (type, payload) => this.#onMessage(type, payload))
  }

  #onMessage(type: MessageType, payload: Buffer): void {
    if (type === 'stdout' || type === 'stderr') this.#local.print(type, payload)
    else if (type === 'exit') this.#outcome = { kind: 'exited', ...(decodePayload(payload) as ExitMessage) }
  }

  /** The container lives on, and its input stays open for the next client; a monitor that does not listen needs no goodbye. */
  #sayGoodbye(): void {
    this.#toSend.push(encodeMessage('detach'))
    this.#flush()
  }
}
