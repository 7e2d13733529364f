// One forwarded TCP connection: bytes go from either side to the other as fast as that takes them; an end is passed on as an end. Runs
// in the network service, over Poller.
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { SOL_SOCKET } from '#sys/flags.ts'
import { type Poller, READABLE, WRITABLE } from '#sys/poll.ts'

const EAGAIN = -11
const MSG_NOSIGNAL = 0x4000
const SHUT_WR = 1
const SO_LINGER = 13
const SO_ERROR = 4
const FAILED = ~(READABLE | WRITABLE)

/** One direction. */
interface Leg {
  from: Fd
  to: Fd
  /** what `to` has not taken yet; nothing is read meanwhile */
  pending?: Buffer
  /** `from` has ended */
  isOver: boolean
}

/** Waits for a connection that is being made: `done` hears whether it was. */
export function awaitConnection(poller: Poller, socket: Fd, done: (isConnected: boolean) => void): void {
  poller.watch(socket.number, WRITABLE, () => {
    poller.unwatch(socket.number)
    const error = new Int32Array(1)
    trySyscall('getsockopt', socket.number, SOL_SOCKET, SO_ERROR, error, new Int32Array([4]))
    done(error[0] === 0)
  })
}

/** Closes a connection so that its peer hears of a failure rather than of an end. */
export function reset(socket: Fd): void {
  if (!socket.isOpen) return
  trySyscall('setsockopt', socket.number, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8)
  socket.close()
}

export class TcpRelay {
  readonly #poller: Poller
  readonly #buffer: Buffer
  readonly #legs: readonly [Leg, Leg]
  readonly #watched = new Map<Fd, number>()
  readonly #onEnd: () => void

  /** Takes over two connected non-blocking sockets. `buffer` may be shared: nothing stays in it. */
  constructor(poller: Poller, buffer: Buffer, sockets: readonly [Fd, Fd], onEnd: () => void) {
    const [client, guest] = sockets
    this.#poller = poller
    this.#buffer = buffer
    this.#onEnd = onEnd
    this.#legs = [
      { from: client, to: guest, isOver: false },
      { from: guest, to: client, isOver: false },
    ]
    this.#update()
  }

  /** Ends it: a peer that was not done hears of a failure. */
  end(): void {
    const isWhole = this.#legs.every(leg => leg.isOver && leg.pending === undefined)
    for (const { from } of this.#legs) {
      if (!from.isOpen) return
      this.#poller.unwatch(from.number)
      if (isWhole) from.close()
      else reset(from)
    }
    this.#onEnd()
  }

  #onReady(socket: Fd, events: number): void {
    const [leg, back] = this.#legs[0].from === socket ? this.#legs : [this.#legs[1], this.#legs[0]]
    const isFine = this.#drain(back, events) && this.#read(leg, events)
    if (!isFine || this.#legs.every(each => each.isOver && each.pending === undefined)) this.end()
    else this.#update()
  }

  /** False where the connection has failed. */
  #read(leg: Leg, events: number): boolean {
    if (leg.isOver || leg.pending !== undefined || (events & (READABLE | FAILED)) === 0) return true
    const got = trySyscall('recvfrom', leg.from.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
    if (got < 0) return got === EAGAIN
    if (got === 0) {
      leg.isOver = true
      trySyscall('shutdown', leg.to.number, SHUT_WR)
      return true
    }
    return this.#send(leg, this.#buffer.subarray(0, got))
  }

  /** Goes on with what was left. */
  #drain(leg: Leg, events: number): boolean {
    const { pending } = leg
    if (pending === undefined || (events & (WRITABLE | FAILED)) === 0) return true
    delete leg.pending
    return this.#send(leg, pending)
  }

  #send(leg: Leg, bytes: Buffer): boolean {
    const sent = trySyscall('sendto', leg.to.number, bytes, bytes.byteLength, MSG_NOSIGNAL, 0, 0)
    if (sent < 0 && sent !== EAGAIN) return false
    const rest = bytes.subarray(Math.max(0, sent))
    if (rest.byteLength > 0) leg.pending = Buffer.from(rest)
    return true
  }

  /** A socket that nothing is wanted of is not watched: it would be ready all the time once its peer has hung up. */
  #update(): void {
    const [out, back] = this.#legs
    this.#watch(out.from, out, back)
    this.#watch(back.from, back, out)
  }

  #watch(socket: Fd, reading: Leg, writing: Leg): void {
    const wanted =
      (reading.isOver || reading.pending !== undefined ? 0 : READABLE) | (writing.pending === undefined ? 0 : WRITABLE)
    if (this.#watched.get(socket) === wanted) return
    this.#watched.set(socket, wanted)
    if (wanted === 0) this.#poller.unwatch(socket.number)
    else this.#poller.watch(socket.number, wanted, events => this.#onReady(socket, events))
  }
}
