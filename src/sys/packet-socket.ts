// Sockets that see whole frames of one interface (packet(7)), with a filter in front (socket(7), SO_ATTACH_FILTER).
import { syscall } from './call.ts'
import { memoryAddress } from './koffi.ts'

export const AF_PACKET = 17

const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26

/** One instruction of classic BPF: code, jump if true, jump if false, operand. */
export type FilterStep = readonly [code: number, ifTrue: number, ifFalse: number, operand: number]

/** Protocol numbers stand in the network's order. */
export const packetProtocol = (etherType: number): number => ((etherType & 0xff) << 8) | (etherType >> 8)

/** Has the socket see frames of one interface and ether type, as far as the filter lets them pass. */
export function bindPacketSocket(
  socket: number,
  index: number,
  etherType: number,
  filter: readonly FilterStep[],
): void {
  const steps = Buffer.alloc(8 * filter.length)
  filter.forEach(([code, ifTrue, ifFalse, operand], position) => {
    steps.writeUInt16LE(code, 8 * position)
    steps.writeUInt8(ifTrue, 8 * position + 2)
    steps.writeUInt8(ifFalse, 8 * position + 3)
    steps.writeUInt32LE(operand, 8 * position + 4)
  })
  const program = Buffer.alloc(16)
  program.writeUInt16LE(filter.length, 0)
  program.writeBigUInt64LE(memoryAddress(steps), 8)
  syscall('setsockopt', socket, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength)
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(etherType, 2)
  address.writeInt32LE(index, 4)
  syscall('bind', socket, address, address.byteLength)
}
