// One stream out of the container, a pipe or its terminal: read as it comes, handed on at once. Runs in the monitor.

import type { Deadlines } from '#sys/deadlines.ts'
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import type { StreamName } from './log/driver.ts'
import { setNonBlocking, tryRead } from './nonblocking.ts'
import { HEADER_BYTES, MAX_DATA_BYTES, writeHeader } from './protocol.ts'

/** Gets each piece as a message ready to be sent; the bytes are valid during the call. */
export type Deliver = (stream: StreamName, frame: Buffer) => void

/** One buffer serves all streams: header, then what was read. */
let frameBuffer: Buffer | undefined
/** A terminal that nobody has open is looked at again after this. */
const HANGUP_PAUSE_MS = 200

export class Output {
  readonly stream: StreamName
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #fd: Fd
  readonly #deliver: Deliver
  #isPaused = false
  #isEnding = false

  constructor(poller: Poller, deadlines: Deadlines, stream: StreamName, fd: Fd, deliver: Deliver) {
    this.stream = stream
    this.#poller = poller
    this.#deadlines = deadlines
    this.#fd = fd
    this.#deliver = deliver
    setNonBlocking(fd.number)
    this.#watch()
  }

  get isOpen(): boolean {
    return this.#fd.isOpen
  }

  /** Stops reading until `resume`: the container waits when its pipe is full. */
  pause(): void {
    this.#isPaused = true
    if (this.isOpen) this.#poller.unwatch(this.#fd.number)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.isOpen) this.#watch()
  }

  /** From now on a terminal that nobody has open has ended: the container's process is gone. */
  expectEnd(): void {
    this.#isEnding = true
    if (this.isOpen && !this.#isPaused) this.#watch()
  }

  /** Reads one piece. False when there is none now. */
  read(): boolean {
    if (!this.isOpen || this.#isPaused) return false
    frameBuffer ??= Buffer.allocUnsafeSlow(HEADER_BYTES + MAX_DATA_BYTES)
    const got = tryRead(this.#fd.number, frameBuffer.subarray(HEADER_BYTES))
    if (got === 'again') return false
    if (got === 'end' || (got === 'hangup' && this.#isEnding)) {
      this.close()
      return false
    }
    if (got === 'hangup') {
      this.#poller.unwatch(this.#fd.number)
      this.#deadlines.set(this.stream, HANGUP_PAUSE_MS, () => {
        if (this.isOpen && !this.#isPaused) this.#watch()
      })
      return false
    }
    writeHeader(frameBuffer, this.stream, got)
    this.#deliver(this.stream, frameBuffer.subarray(0, HEADER_BYTES + got))
    return true
  }

  /** Reads no more; a container that goes on writing gets EPIPE. */
  close(): void {
    if (!this.isOpen) return
    this.#poller.unwatch(this.#fd.number)
    this.#deadlines.clear(this.stream)
    this.#fd.close()
  }

  #watch(): void {
    this.#poller.watch(this.#fd.number, READABLE, () => this.read())
  }
}
