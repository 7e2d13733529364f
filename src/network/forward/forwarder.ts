// Ports of the host that no helper can lead to a container: listening sockets here, and for each client a connection made inside the
// container. Runs in the network service, in the host's network.

import { TspodError } from '#errors.ts'
import type { Hands } from '#network/bridge/hands.ts'
import { type PortMapping, portText, unfoldPorts } from '#network/ports/mapping.ts'
import { isUnsupportedAddress, PortTakenError } from '#network/ports/taken.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { O_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK } from '#sys/flags.ts'
import { bindInet } from '#sys/inet.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import type { ProcessIdentity } from '#sys/process.ts'
import { type InternetAddress, parseSocketAddress, SOCKET_ADDRESS_BYTES } from '#sys/socket-address.ts'
import { GuestSockets } from './guest.ts'
import { awaitConnection, reset, TcpRelay } from './tcp-relay.ts'
import { UdpSessions } from './udp-sessions.ts'

const BACKLOG = 256
const F_SETFL = 4
const BUFFER_BYTES = 256 * 1024
/** Connections and clients of UDP at once: of one container, whose neighbours keep their service, and of all. */
const MOST_OF_ONE = 256
const MOST = 1024

/** What it works with. */
export interface ForwarderParts {
  poller: Poller
  deadlines: Deadlines
  hands: () => Hands
  log: (text: string) => void
}

/** A container that ports lead to. */
export interface ForwardTarget {
  id: string
  name: string
  process?: ProcessIdentity
  guest?: string[]
  endpoints: { endpoint: { addresses: { ip: string }[] } }[]
}

/** What is open for one container. */
interface OpenPorts {
  guest: GuestSockets
  /** by the port's text, one for each port of a range */
  closers: Map<string, () => void>
  relays: Set<() => void>
  count: number
}

export class Forwarder {
  readonly #parts: ForwarderParts
  readonly #open = new Map<string, OpenPorts>()
  readonly #buffer = Buffer.alloc(BUFFER_BYTES)
  #count = 0

  constructor(parts: ForwarderParts) {
    this.#parts = parts
  }

  /**
   * Listens, on all ports of a range or none. Throws PortTakenError where one cannot be had. `sharesAddress`: a program that listens on
   * every address leaves the mapping's to this one (SO_REUSEADDR, socket(7)). What is open for the container already stays as it is.
   */
  open(target: ForwardTarget, mapping: PortMapping, sharesAddress = false): void {
    const own = this.#portsOf(target)
    const opened: string[] = []
    try {
      for (const port of unfoldPorts([mapping])) {
        if (own.closers.has(portText(port))) continue
        own.closers.set(portText(port), this.#listen(own, port, sharesAddress))
        opened.push(portText(port))
      }
    } catch (error) {
      for (const text of opened) closeOne(own, text)
      throw error
    }
  }

  /** Listens no more. Connections that are open stay open. */
  close({ id }: Pick<ForwardTarget, 'id'>, mapping: PortMapping): void {
    const own = this.#open.get(id)
    if (own !== undefined) for (const port of unfoldPorts([mapping])) closeOne(own, portText(port))
  }

  /** The container has ended. */
  closeAll({ id }: Pick<ForwardTarget, 'id'>): void {
    const own = this.#open.get(id)
    if (own === undefined) return
    for (const text of own.closers.keys()) closeOne(own, text)
    for (const end of own.relays) end()
    this.#open.delete(id)
  }

  #portsOf({ id, name, process, guest, endpoints }: ForwardTarget): OpenPorts {
    const known = this.#open.get(id)
    if (known !== undefined) return known
    if (process === undefined)
      throw new TspodError('CONFLICT', `publishing ports of container "${name}": it does not run`)
    const addresses = guest ?? endpoints.flatMap(({ endpoint }) => endpoint.addresses.map(({ ip }) => ip))
    const { hands, log } = this.#parts
    const own: OpenPorts = {
      guest: new GuestSockets({ pid: process.pid, addresses }, hands, log),
      closers: new Map(),
      relays: new Set(),
      count: 0,
    }
    this.#open.set(id, own)
    return own
  }

  /** Returns how to close it. A port without an address is one of both families, where this machine has both. */
  #listen(own: OpenPorts, port: PortMapping, sharesAddress: boolean): () => void {
    if (port.hostIp !== '') return this.#listenAt(own, port, port.hostIp, sharesAddress)
    const closeFour = this.#listenAt(own, port, '0.0.0.0')
    try {
      const closeSix = this.#listenAt(own, port, '::')
      return () => {
        closeFour()
        closeSix()
      }
    } catch (error) {
      if (isUnsupportedAddress(error)) return closeFour
      closeFour()
      throw error
    }
  }

  #listenAt(own: OpenPorts, port: PortMapping, ip: string, sharesAddress = false): () => void {
    const protocol = port.protocol === 'udp' ? 'udp' : 'tcp'
    const bound = bindInet(protocol, { ip, port: port.hostPort }, protocol === 'tcp' || sharesAddress)
    if (typeof bound === 'string') {
      const isAbsent = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(bound)
      throw new PortTakenError(port, new TspodError(isAbsent ? 'UNSUPPORTED' : 'IN_USE', `binding ${ip}: ${bound}`))
    }
    syscall('fcntl', bound.number, F_SETFL, O_NONBLOCK)
    if (protocol === 'udp') {
      const budget = { take: () => this.#take(own), give: () => this.#give(own) }
      const sessions = new UdpSessions(
        { ...this.#parts, buffer: this.#buffer },
        bound,
        own.guest,
        port.containerPort,
        budget,
      )
      return () => sessions.close()
    }
    syscall('listen', bound.number, BACKLOG)
    const { poller } = this.#parts
    poller.watch(bound.number, READABLE, () => this.#accept(bound, own, port.containerPort))
    return () => {
      poller.unwatch(bound.number)
      bound.close()
    }
  }

  #accept(listener: Fd, own: OpenPorts, port: number): void {
    const from = Buffer.alloc(SOCKET_ADDRESS_BYTES)
    const length = new Int32Array([from.byteLength])
    const number = trySyscall('accept4', listener.number, from, length, SOCK_CLOEXEC | SOCK_NONBLOCK)
    if (number < 0) return
    const socket = new Fd(number)
    if (!this.#take(own)) return reset(socket)
    const client = parseSocketAddress(from)
    this.#connect(own, socket, client, own.guest.targets(client.address), port)
  }

  /** Tries one address of the container after the other. */
  #connect(own: OpenPorts, client: Fd, from: InternetAddress, targets: Buffer[], port: number): void {
    const [target, ...others] = targets
    if (target === undefined) {
      this.#give(own)
      return reset(client)
    }
    const next = (): void => this.#connect(own, client, from, others, port)
    let guest: Fd | undefined
    try {
      guest = own.guest.connect(from, target, port)
    } catch (error) {
      this.#parts.log(`forwarding to port ${port}: ${String(error)}`)
    }
    if (guest === undefined) return next()
    const socket = guest
    const cancel = (): void => {
      this.#parts.poller.unwatch(socket.number)
      socket.close()
      this.#give(own)
      reset(client)
    }
    own.relays.add(cancel)
    awaitConnection(this.#parts.poller, socket, isConnected => {
      own.relays.delete(cancel)
      if (isConnected) return this.#relay(own, client, socket)
      socket.close()
      next()
    })
  }

  #relay(own: OpenPorts, client: Fd, guest: Fd): void {
    const end = (): void => relay.end()
    const relay = new TcpRelay(this.#parts.poller, this.#buffer, [client, guest], () => {
      own.relays.delete(end)
      this.#give(own)
    })
    own.relays.add(end)
  }

  #take(own: OpenPorts): boolean {
    if (this.#count >= MOST || own.count >= MOST_OF_ONE) return false
    this.#count++
    own.count++
    return true
  }

  #give(own: OpenPorts): void {
    this.#count--
    own.count--
  }
}

function closeOne({ closers }: OpenPorts, text: string): void {
  closers.get(text)?.()
  closers.delete(text)
}
