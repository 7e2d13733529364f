// Filters in front of sockets (socket(7), SO_ATTACH_FILTER): classic BPF, run by the kernel before anything is queued.
import { syscall } from './call.ts'
import { SOL_SOCKET } from './flags.ts'
import { memoryAddress } from './koffi.ts'

const SO_ATTACH_FILTER = 26
const LOAD_WORD = 0x20
const JUMP_IF_EQUAL = 0x15
const RETURN = 0x06
/** Where a load finds the packet's network header (linux/filter.h). */
const SKF_NET_OFF = -0x10_0000
const EVERYTHING = 0xffff

/** One instruction: code, jump if true, jump if false, operand. */
export type FilterStep = readonly [code: number, ifTrue: number, ifFalse: number, operand: number]

/** Puts a filter in front of a socket, in place of the one before. */
export function attachFilter(socket: number, filter: readonly FilterStep[]): void {
  const steps = Buffer.alloc(8 * filter.length)
  filter.forEach(([code, ifTrue, ifFalse, operand], position) => {
    steps.writeUInt16LE(code, 8 * position)
    steps.writeUInt8(ifTrue, 8 * position + 2)
    steps.writeUInt8(ifFalse, 8 * position + 3)
    steps.writeUInt32LE(operand >>> 0, 8 * position + 4)
  })
  const program = Buffer.alloc(16)
  program.writeUInt16LE(filter.length, 0)
  program.writeBigUInt64LE(memoryAddress(steps), 8)
  syscall('setsockopt', socket, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength)
}

/** Lets everything pass but what comes from these addresses, all of one family. Pure. */
export function withoutSources(sources: readonly Uint8Array[]): FilterStep[] {
  const steps: FilterStep[] = []
  for (const source of sources) {
    const bytes = Buffer.from(source)
    const from = SKF_NET_OFF + (bytes.byteLength === 4 ? 12 : 8)
    const words = bytes.byteLength / 4
    for (let word = 0; word < words; word++) {
      // behind this source's own steps, the last of which refuses
      const behind = 2 * (words - word - 1) + 1
      steps.push([LOAD_WORD, 0, 0, from + 4 * word])
      steps.push([JUMP_IF_EQUAL, 0, behind, bytes.readUInt32BE(4 * word)])
    }
    steps.push([RETURN, 0, 0, 0])
  }
  return [...steps, [RETURN, 0, 0, EVERYTHING]]
}
