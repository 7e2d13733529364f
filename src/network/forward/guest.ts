// Sockets inside a container, for what is forwarded to it. Runs in the network service, whose hands open them.
//
// How a server in the container sees its client's own address, without a packet filter: the forwarder's socket in the container takes
// that address as its own (IP_TRANSPARENT) and has a mark; the server's socket inherits the mark of the connection that was made to it
// (tcp_fwmark_accept, ip-sysctl), and a rule for the mark sends whatever it answers to this very namespace (ip-rule(8)). So the answers
// find the forwarder's socket, and nothing else in the container is touched.
import type { Hands } from '#network/bridge/hands.ts'
import { formatIp, parseIp } from '#network/ip.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from '#sys/flags.ts'
import { familyOf } from '#sys/netlink/address.ts'
import { AF_INET, AF_INET6, type NetlinkRequest } from '#sys/netlink/message.ts'
import { addRule, setRoute } from '#sys/netlink/route.ts'
import { type InternetAddress, socketAddress } from '#sys/socket-address.ts'

/** The mark, and the table that its rule asks. */
const MARK = 0x7473
const TABLE = 29_811
const PRIORITY = 90
const LOOPBACK_INDEX = 1

const SO_MARK = 36
const IPPROTO_IPV6 = 41
const IP_TRANSPARENT = 19
const IPV6_TRANSPARENT = 75
const IN_PROGRESS = -115
const ADDRESS_IN_USE = -98

/** A container that ports lead to. */
export interface Guest {
  /** process 1 */
  pid: number
  /** texts; the first of a family counts */
  addresses: readonly string[]
}

/** What a container's network namespace is told so that marked answers stay in it. Pure. */
export function planSourceRoutes(family: number): NetlinkRequest[] {
  return [
    addRule({ family, priority: PRIORITY, mark: MARK, table: TABLE }),
    setRoute({ family, interface: LOOPBACK_INDEX, table: TABLE, isLocal: true }),
  ]
}

/** Addresses of a container in the order in which a client of a family is led to them: its own family's first. Pure. */
export function targetsFor(client: Uint8Array, addresses: readonly string[]): Buffer[] {
  const all = addresses.flatMap(text => parseIp(text) ?? [])
  const ofLength = (length: number): Buffer[] => all.filter(each => each.byteLength === length).slice(0, 1)
  const ordered = client.byteLength === 4 ? [...ofLength(4), ...ofLength(16)] : [...ofLength(16), ...ofLength(4)]
  if (ordered.length > 0) return ordered
  return ['127.0.0.1', '::1'].flatMap(text => parseIp(text) ?? []) // its addresses are not known
}

export class GuestSockets {
  readonly #hands: () => Hands
  readonly #log: (text: string) => void
  readonly #path: string
  readonly #guest: Guest
  readonly #keepsSource = new Set<number>()

  constructor(guest: Guest, hands: () => Hands, log: (text: string) => void) {
    this.#guest = guest
    this.#hands = hands
    this.#log = log
    this.#path = `/proc/${guest.pid}/ns/net`
    this.#prepare()
  }

  targets(client: Uint8Array): Buffer[] {
    return targetsFor(client, this.#guest.addresses)
  }

  /**
   * A TCP socket on its way to a port of the container, non-blocking, with the client's address as its own where both are of a family;
   * `undefined` where it is refused at once. The caller closes it.
   */
  connect(client: InternetAddress, target: Buffer, port: number): Fd | undefined {
    const socket = this.#open(SOCK_STREAM, target)
    if (client.address.byteLength === target.byteLength && this.#keepsSource.has(familyOf(target)))
      this.#takeSource(socket, client)
    return this.#towards(socket, target, port)
  }

  /** A UDP socket that speaks to a port of the container, as one of its own. */
  speak(target: Buffer, port: number): Fd | undefined {
    return this.#towards(this.#open(SOCK_DGRAM, target), target, port)
  }

  #open(type: number, target: Buffer): Fd {
    return this.#hands().openSocket(familyOf(target), type | SOCK_NONBLOCK, 0, this.#path)
  }

  #towards(socket: Fd, target: Buffer, port: number): Fd | undefined {
    const bytes = socketAddress(target, port)
    const result = trySyscall('connect', socket.number, bytes, bytes.byteLength)
    if (result === 0 || result === IN_PROGRESS) return socket
    socket.close()
    return undefined
  }

  /** Its port too, unless somebody in the container has that one. */
  #takeSource(socket: Fd, { address, port }: InternetAddress): void {
    const isFour = address.byteLength === 4
    const one = new Int32Array([1])
    syscall('setsockopt', socket.number, SOL_SOCKET, SO_MARK, new Int32Array([MARK]), 4)
    syscall('setsockopt', socket.number, isFour ? 0 : IPPROTO_IPV6, isFour ? IP_TRANSPARENT : IPV6_TRANSPARENT, one, 4)
    const bind = (number: number): number => {
      const bytes = socketAddress(address, number)
      return trySyscall('bind', socket.number, bytes, bytes.byteLength)
    }
    const result = bind(port) === ADDRESS_IN_USE ? bind(0) : 0
    if (result < 0) this.#log(`forwarding from ${formatIp(address)}: bind(2): ${result}`)
  }

  #prepare(): void {
    try {
      this.#hands().write([['ipv4/tcp_fwmark_accept', '1']], this.#path)
      using netlink = this.#hands().openNetlink(this.#path)
      for (const family of [AF_INET, AF_INET6])
        try {
          netlink.request(planSourceRoutes(family))
          this.#keepsSource.add(family)
        } catch (error) {
          this.#log(`keeping source addresses: ${String(error)}`) // a kernel without IPv6
        }
    } catch (error) {
      this.#log(`keeping source addresses: ${String(error)}`)
    }
  }
}
