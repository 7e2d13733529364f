// One forwarded UDP port: each client has a socket of its own in the container, and answers that come there go back to it. The server
// sees an address of its own container. Runs in the network service, over Poller.
import { trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { parseSocketAddress, SOCKET_ADDRESS_BYTES } from '#sys/socket-address.ts'
import type { GuestSockets } from './guest.ts'

const MSG_NOSIGNAL = 0x4000
const EAGAIN = -11
/** Datagrams moved before others get their turn. */
const AT_A_TIME = 64
/** A client that is silent for so long is forgotten. */
const IDLE_MS = 60_000

/** How many clients there may be. */
export interface UdpBudget {
  /** False where there are too many. */
  take(): boolean
  give(): void
}

export class UdpSessions {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #buffer: Buffer
  readonly #listener: Fd
  readonly #guest: GuestSockets
  readonly #port: number
  readonly #budget: UdpBudget
  readonly #sockets = new Map<string, Fd>()
  readonly #from = Buffer.alloc(SOCKET_ADDRESS_BYTES)
  readonly #fromLength = new Int32Array(1)

  /** Takes over a bound non-blocking socket of the host. `port` is the container's. */
  constructor(
    { poller, deadlines, buffer }: { poller: Poller; deadlines: Deadlines; buffer: Buffer },
    listener: Fd,
    guest: GuestSockets,
    port: number,
    budget: UdpBudget,
  ) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#buffer = buffer
    this.#listener = listener
    this.#guest = guest
    this.#port = port
    this.#budget = budget
    poller.watch(listener.number, READABLE, () => this.#readClients())
  }

  close(): void {
    for (const key of this.#sockets.keys()) this.#forget(key)
    this.#poller.unwatch(this.#listener.number)
    this.#listener.close()
  }

  #readClients(): void {
    for (let count = 0; count < AT_A_TIME; count++) {
      this.#fromLength[0] = this.#from.byteLength
      const listener = this.#listener.number
      const got = trySyscall(
        'recvfrom',
        listener,
        this.#buffer,
        this.#buffer.byteLength,
        0,
        this.#from,
        this.#fromLength,
      )
      if (got < 0) return
      const address = Buffer.from(this.#from.subarray(0, this.#fromLength[0]))
      const key = address.toString('latin1')
      const socket = this.#sockets.get(key) ?? this.#meet(key, address)
      if (socket === undefined) continue // as with every datagram, it may be lost
      this.#deadlines.set(this.#subject(key), IDLE_MS, () => this.#forget(key))
      trySyscall('sendto', socket.number, this.#buffer, got, MSG_NOSIGNAL, 0, 0)
    }
  }

  #meet(key: string, address: Buffer): Fd | undefined {
    const [target] = this.#guest.targets(parseSocketAddress(address).address)
    if (target === undefined || !this.#budget.take()) return undefined
    const socket = this.#guest.speak(target, this.#port)
    if (socket === undefined) {
      this.#budget.give()
      return undefined
    }
    this.#sockets.set(key, socket)
    this.#poller.watch(socket.number, READABLE, () => this.#readGuest(key, socket, address))
    return socket
  }

  #readGuest(key: string, socket: Fd, client: Buffer): void {
    for (let count = 0; count < AT_A_TIME; count++) {
      const got = trySyscall('recvfrom', socket.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
      if (got === EAGAIN) return
      if (got < 0) return this.#forget(key) // nobody listens there
      this.#deadlines.set(this.#subject(key), IDLE_MS, () => this.#forget(key))
      trySyscall('sendto', this.#listener.number, this.#buffer, got, MSG_NOSIGNAL, client, client.byteLength)
    }
  }

  #forget(key: string): void {
    const socket = this.#sockets.get(key)
    if (socket === undefined) return
    this.#deadlines.clear(this.#subject(key))
    this.#sockets.delete(key)
    this.#poller.unwatch(socket.number)
    socket.close()
    this.#budget.give()
  }

  #subject(key: string): string {
    return `udp ${this.#listener.number} ${key}`
  }
}
