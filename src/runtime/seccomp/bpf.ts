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

/** struct sock_filter[] in the making: two words for each instruction, so that thousands cost no objects. */
export class Program {
  readonly #words: number[] = []

  get length(): number {
    return this.#words.length / 2
  }

  add(code: number, value: number, jumpTrue = 0, jumpFalse = 0): void {
    this.#words.push(firstWord(code, jumpTrue, jumpFalse), value)
  }

  addAll(instructions: readonly Instruction[]): void {
    for (const { code, value, jumpTrue, jumpFalse } of instructions) this.add(code, value, jumpTrue, jumpFalse)
  }

  /** Replaces an instruction, once it is known how far it jumps. */
  set(index: number, code: number, value: number, jumpTrue = 0, jumpFalse = 0): void {
    this.#words[index * 2] = firstWord(code, jumpTrue, jumpFalse)
    this.#words[index * 2 + 1] = value
  }

  /** 8 bytes for each instruction, little endian. Throws RangeError for more than the kernel takes. */
  encode(): Uint8Array {
    if (this.length > longest) throw new RangeError(`${this.length} instructions, the kernel takes ${longest}`)
    return new Uint8Array(Uint32Array.from(this.#words).buffer)
  }
}

function firstWord(code: number, jumpTrue: number, jumpFalse: number): number {
  if (jumpTrue > 255 || jumpFalse > 255) throw new RangeError('a jump is too far')
  return (code | (jumpTrue << 16) | (jumpFalse << 24)) >>> 0
}
