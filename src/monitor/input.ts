// The container's standard input, a pipe or its terminal: what clients send, in order, without waiting. Runs in the monitor.
import type { Fd } from '#sys/fd.ts'
import { type Poller, WRITABLE } from '#sys/poll.ts'
import { setWindowSize, type WindowSize } from '#sys/terminal.ts'
import { setNonBlocking, tryWrite } from './nonblocking.ts'

/** Beyond this, clients are not listened to until the container has taken some. */
const QUEUE_BYTES = 65536
/** What a terminal makes an end of file of (termios(3), VEOF). */
const END_OF_FILE = Buffer.from([4])

export class Input {
  readonly #poller: Poller
  readonly #fd: Fd
  readonly #isTerminal: boolean
  /** Called when the queue has run empty after `isFull`. */
  readonly #onRoom: () => void
  #queue: Buffer[] = []
  #queued = 0
  #hasEnded = false

  constructor(poller: Poller, fd: Fd, isTerminal: boolean, onRoom: () => void) {
    this.#poller = poller
    this.#fd = fd
    this.#isTerminal = isTerminal
    this.#onRoom = onRoom
    setNonBlocking(fd.number)
  }

  get isFull(): boolean {
    return this.#queued > QUEUE_BYTES
  }

  /** Appends bytes, which are copied; what nobody can read any more is dropped. */
  write(bytes: Buffer): void {
    if (!this.#fd.isOpen || this.#hasEnded || bytes.byteLength === 0) return
    let done = 0
    if (this.#queue.length === 0) {
      const sent = tryWrite(this.#fd.number, bytes)
      if (sent === 'gone') {
        this.close()
        return
      }
      done = sent
    }
    if (done === bytes.byteLength) return
    this.#queue.push(Buffer.from(bytes.subarray(done)))
    this.#queued += bytes.byteLength - done
    this.#poller.watch(this.#fd.number, WRITABLE, () => this.#flush())
  }

  /** No more input: a pipe ends, a terminal gets its end-of-file character and stays open for the next client. */
  end(): void {
    if (this.#isTerminal) {
      this.write(END_OF_FILE)
      return
    }
    this.#hasEnded = true
    if (this.#queue.length === 0) this.close()
  }

  /** Sets the size of the terminal's window; nothing on a pipe. */
  resize(size: WindowSize): void {
    if (this.#isTerminal && this.#fd.isOpen) setWindowSize(this.#fd.number, size)
  }

  close(): void {
    if (!this.#fd.isOpen) return
    this.#poller.unwatch(this.#fd.number)
    this.#fd.close()
    this.#drop()
  }

  #drop(): void {
    const wasFull = this.isFull
    this.#queue = []
    this.#queued = 0
    if (wasFull) this.#onRoom()
  }

  #flush(): void {
    while (this.#queue[0] !== undefined) {
      const first = this.#queue[0]
      const sent = tryWrite(this.#fd.number, first)
      if (sent === 'gone') {
        this.close()
        return
      }
      const wasFull = this.isFull
      this.#queued -= sent
      if (wasFull && !this.isFull) this.#onRoom()
      if (sent < first.byteLength) {
        this.#queue[0] = first.subarray(sent)
        return
      }
      this.#queue.shift()
    }
    this.#poller.unwatch(this.#fd.number)
    if (this.#hasEnded) this.close()
  }
}
