// Who has which IPv6 address, for the userspace stack at the uplink. It asks by neighbour solicitations (RFC 4861) and does not take the
// advertisements that the kernel's proxy answers with (libslirp 4.7, tried); but whoever solicits it himself it remembers. So each
// question for a container's address is answered by a solicitation from that address.
import { parseIp } from '#network/ip.ts'
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { bindPacketSocket } from '#sys/packet-socket.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import type { FilterStep } from '#sys/socket-filter.ts'
import { uplinkAddresses } from './plumbing.ts'

export const ETHER_TYPE_IP6 = 0x86dd
const ICMP6 = 58
const SOLICITATION = 135

const ETHERNET_BYTES = 14
const IP6_BYTES = 40
const TARGET = ETHERNET_BYTES + IP6_BYTES + 8
const FRAME_BYTES = TARGET + 16

/** ICMPv6 of the one type, without extension headers. */
const onlySolicitations: FilterStep[] = [
  [0x30, 0, 0, ETHERNET_BYTES + 6],
  [0x15, 0, 3, ICMP6],
  [0x30, 0, 0, ETHERNET_BYTES + IP6_BYTES],
  [0x15, 0, 1, SOLICITATION],
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
]

export class UplinkNeighbours implements Disposable {
  readonly #poller: Poller
  readonly #socket: Fd
  readonly #card: Uint8Array

  /** Takes over a socket of AF_PACKET. `isOurs` tells whether a container has an address. */
  constructor(
    poller: Poller,
    socket: Fd,
    uplink: { index: number; card: Uint8Array },
    isOurs: (address: Buffer) => boolean,
  ) {
    this.#poller = poller
    this.#socket = socket
    this.#card = uplink.card
    bindPacketSocket(socket.number, uplink.index, ETHER_TYPE_IP6, onlySolicitations)
    const frame = Buffer.alloc(1514)
    poller.watch(socket.number, READABLE, () => {
      const got = trySyscall('read', socket.number, frame, frame.byteLength)
      const address = got < FRAME_BYTES ? undefined : Buffer.from(frame.subarray(TARGET, TARGET + 16))
      if (address !== undefined && isOurs(address)) this.announce(address)
    })
  }

  /** Makes an address known: what is asked for only when a packet is to go there costs that packet a second. */
  announce(address: Uint8Array): void {
    const frame = solicitation(address, this.#card)
    trySyscall('write', this.#socket.number, frame, frame.byteLength)
  }

  [Symbol.dispose](): void {
    this.#poller.unwatch(this.#socket.number)
    this.#socket.close()
  }
}

/** The frame by which `source`, at this card, asks the uplink's gateway for its card. Pure. */
export function solicitation(source: Uint8Array, card: Uint8Array): Buffer {
  const target = parseIp(uplinkAddresses.gateway6) ?? Buffer.alloc(16)
  const group = Buffer.concat([Buffer.from('ff0200000000000000000001ff', 'hex'), target.subarray(13)])
  const message = Buffer.concat([Buffer.from([SOLICITATION, 0, 0, 0, 0, 0, 0, 0]), target, Buffer.from([1, 1]), card])
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(message.byteLength, 0)
  pseudo.writeUInt32BE(ICMP6, 4)
  message.writeUInt16BE(checksum(Buffer.concat([source, group, pseudo, message])), 2)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(0x6000_0000, 0)
  header.writeUInt16BE(message.byteLength, 4)
  header.writeUInt8(ICMP6, 6)
  header.writeUInt8(255, 7)
  const ethernet = Buffer.concat([Buffer.from([0x33, 0x33]), group.subarray(12), card, Buffer.from([0x86, 0xdd])])
  return Buffer.concat([ethernet, header, source, group, message])
}

/** The internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.byteLength; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
