// One attached client as the monitor sees it: its messages in, output out, never waiting for it. Runs in the monitor.
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE, WRITABLE } from '#sys/poll.ts'
import { Backlog } from './backlog.ts'
import { setNonBlocking, tryRead, trySend } from './nonblocking.ts'
import { type AttachMessage, MessageReader, type MessageType } from './protocol.ts'

/** What a client's owner wants to hear. */
export interface ClientEvents {
  onMessage(client: Client, type: MessageType, payload: Buffer): void
  /** It has taken something that had to wait. */
  onProgress(client: Client): void
  /** It has left, or has been lost. */
  onGone(client: Client): void
}

const READ_BYTES = 65536
/** One buffer serves all: a message's payload is used up before the next read. */
let readBuffer: Buffer | undefined

export class Client {
  readonly #poller: Poller
  readonly #socket: Fd
  readonly #events: ClientEvents
  readonly #reader = new MessageReader()
  readonly #backlog: Backlog
  #isReading = true
  #isLeaving = false
  /** It has closed its end. */
  #isDeaf = false
  /** What it asked for; nothing before it attaches. */
  wants: AttachMessage = { stdout: false, stderr: false, stdin: false }
  /** When it last took something, on the monotonic clock; while nothing waits for it this stands still. */
  progressMs = performance.now()

  constructor(poller: Poller, socket: Fd, folder: string, events: ClientEvents) {
    this.#poller = poller
    this.#socket = socket
    this.#events = events
    this.#backlog = new Backlog(folder)
    setNonBlocking(socket.number)
    this.#watch()
  }

  get isOpen(): boolean {
    return this.#socket.isOpen
  }

  get isFull(): boolean {
    return this.#backlog.isFull
  }

  /** False while something is on its way to it. */
  get isIdle(): boolean {
    return this.#backlog.isEmpty
  }

  /** Sends a message, now or when the client takes it. */
  send(frame: Buffer): void {
    if (!this.isOpen || this.#isDeaf) return
    if (!this.#backlog.isEmpty) {
      this.#backlog.push(frame)
      return
    }
    const sent = trySend(this.#socket.number, frame)
    if (sent === 'gone')
      this.#isDeaf = true // what it sent before it left is still to be heard
    else if (sent < frame.byteLength) {
      this.progressMs = performance.now()
      this.#backlog.push(frame.subarray(sent))
      this.#watch()
    }
  }

  /** Lets the container go on although this client takes nothing. */
  spill(): boolean {
    return this.#backlog.startSpilling()
  }

  /** Stops or goes on hearing it, for as long as the container does not take its input. */
  listen(on: boolean): void {
    if (this.#isReading === on || !this.isOpen) return
    this.#isReading = on
    this.#watch()
  }

  /** Closes the connection once it has taken everything. */
  leave(): void {
    this.#isLeaving = true
    if (this.isOpen && this.#backlog.isEmpty) this.close()
  }

  close(): void {
    if (!this.isOpen) return
    this.#poller.unwatch(this.#socket.number)
    this.#socket.close()
    this.#backlog.close()
  }

  #watch(): void {
    const events = (this.#isReading ? READABLE : 0) | (this.#backlog.isEmpty ? 0 : WRITABLE)
    this.#poller.watch(this.#socket.number, events, ready => this.#onReady(ready))
  }

  #onReady(ready: number): void {
    if ((ready & WRITABLE) !== 0 && !this.#backlog.isEmpty) this.#flush()
    // not listened to, it is read only when it has hung up: what it sent before that is the container's
    if (this.isOpen && (ready & ~WRITABLE) !== 0) this.#read()
  }

  #flush(): void {
    const isAlive = this.#backlog.flush(bytes => {
      const sent = trySend(this.#socket.number, bytes)
      if (sent !== 'gone' && sent > 0) this.progressMs = performance.now()
      return sent
    })
    if (!isAlive) {
      this.#lose()
      return
    }
    this.#events.onProgress(this)
    if (!this.isOpen || !this.#backlog.isEmpty) return
    if (this.#isLeaving) this.close()
    else this.#watch()
  }

  #read(): void {
    readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    const got = tryRead(this.#socket.number, readBuffer)
    if (got === 'again') return
    if (typeof got === 'string') {
      this.#lose()
      return
    }
    try {
      this.#reader.push(readBuffer.subarray(0, got), (type, payload) => {
        if (this.isOpen) this.#events.onMessage(this, type, payload)
      })
    } catch {
      this.#lose() // it does not speak our language: another version, or a stranger
    }
  }

  #lose(): void {
    this.close()
    this.#events.onGone(this)
  }
}
