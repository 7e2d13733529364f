// Instructions of classic BPF as seccomp(2) runs them (linux/filter.h, linux/seccomp.h).

export interface Instruction {
  code: number
  jumpTrue: number
  jumpFalse: number
  value: number
}

/** BPF_LD|BPF_W|BPF_ABS: a 32-bit word of struct seccomp_data. */
export const load = 0x20
/** BPF_ALU|BPF_AND|BPF_K */
export const and = 0x54
/** BPF_JMP|BPF_JA: the offset is the value. */
export const jumpAlways = 0x05
export const jumpEqual = 0x15
export const jumpGreater = 0x25
export const jumpGreaterOrEqual = 0x35
/** BPF_RET|BPF_K */
export const ret = 0x06

export const offsetOfNumber = 0
export const offsetOfArch = 4

/** Where the low word of an argument lies; the high one follows (little endian). */
export function offsetOfArgument(index: number): number {
  return 16 + 8 * index
}

export function instruction(code: number, value: number, jumpTrue = 0, jumpFalse = 0): Instruction {
  return { code, jumpTrue, jumpFalse, value }
}

/** The kernel's BPF_MAXINSNS. */
const longest = 4096

/** struct sock_filter[]: 8 bytes each, little endian. Throws RangeError for what the kernel would refuse. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  if (program.length > longest) throw new RangeError(`${program.length} instructions, the kernel takes ${longest}`)
  const view = new DataView(new ArrayBuffer(program.length * 8))
  program.forEach(({ code, jumpTrue, jumpFalse, value }, index) => {
    if (jumpTrue > 255 || jumpFalse > 255) throw new RangeError(`instruction ${index} jumps too far`)
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, jumpTrue)
    view.setUint8(index * 8 + 3, jumpFalse)
    view.setUint32(index * 8 + 4, value, true)
  })
  return new Uint8Array(view.buffer)
}
