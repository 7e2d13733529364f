// Sockets that see whole frames of one interface (packet(7)), with a filter in front.
import { syscall } from './call.ts'
import { attachFilter, type FilterStep } from './socket-filter.ts'

export const AF_PACKET = 17

/** Protocol numbers stand in the network's order. */
export const packetProtocol = (etherType: number): number => ((etherType & 0xff) << 8) | (etherType >> 8)

/** Has the socket see frames of one interface and ether type, as far as the filter lets them pass. */
export function bindPacketSocket(
  socket: number,
  index: number,
  etherType: number,
  filter: readonly FilterStep[],
): void {
  attachFilter(socket, filter)
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(etherType, 2)
  address.writeInt32LE(index, 4)
  syscall('bind', socket, address, address.byteLength)
}
