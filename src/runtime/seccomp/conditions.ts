// Conditions on the arguments of a system call as BPF: 64-bit comparisons out of 32-bit words.
import type { SeccompArgumentSpec } from '#oci/runtime-spec.ts'
import {
  and,
  type Instruction,
  instruction,
  jumpEqual,
  jumpGreater,
  jumpGreaterOrEqual,
  load,
  offsetOfArgument,
} from './bpf.ts'

// Stand-ins for jump distances until a rule's length is known.
const pass = -1
const fail = -2

/** Falls through to `action` where all conditions hold, and past it where one does not. */
export function compileRule(
  conditions: readonly SeccompArgumentSpec[],
  action: readonly Instruction[],
  wordBits: 32 | 64,
): Instruction[] {
  const blocks = conditions.map(condition => resolvePass(compileCondition(condition, wordBits)))
  const program = [...blocks.flat(), ...action]
  return program.map((each, index) => {
    const distance = (jump: number) => (jump === fail ? program.length - index - 1 : jump)
    return { ...each, jumpTrue: distance(each.jumpTrue), jumpFalse: distance(each.jumpFalse) }
  })
}

/** A condition that holds goes on right after its block. */
function resolvePass(block: Instruction[]): Instruction[] {
  return block.map((each, index) => {
    const distance = (jump: number) => (jump === pass ? block.length - index - 1 : jump)
    return { ...each, jumpTrue: distance(each.jumpTrue), jumpFalse: distance(each.jumpFalse) }
  })
}

function compileCondition({ index, value, valueTwo, op }: SeccompArgumentSpec, wordBits: 32 | 64): Instruction[] {
  const low = offsetOfArgument(index)
  const high = low + 4
  const [valueLow, valueHigh] = words(value)
  const onlyLow = wordBits === 32
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [
        ...(onlyLow ? [] : [instruction(load, high), instruction(jumpEqual, valueHigh, 0, fail)]),
        instruction(load, low),
        instruction(jumpEqual, valueLow, pass, fail),
      ]
    case 'SCMP_CMP_NE':
      return [
        ...(onlyLow ? [] : [instruction(load, high), instruction(jumpEqual, valueHigh, 0, pass)]),
        instruction(load, low),
        instruction(jumpEqual, valueLow, fail, pass),
      ]
    case 'SCMP_CMP_MASKED_EQ': {
      // bits outside the mask do not count on either side, as with libseccomp
      const [wantedLow, wantedHigh] = words(valueTwo ?? 0)
      return [
        ...(onlyLow
          ? []
          : [
              instruction(load, high),
              instruction(and, valueHigh),
              instruction(jumpEqual, (wantedHigh & valueHigh) >>> 0, 0, fail),
            ]),
        instruction(load, low),
        instruction(and, valueLow),
        instruction(jumpEqual, (wantedLow & valueLow) >>> 0, pass, fail),
      ]
    }
    case 'SCMP_CMP_GT':
      return compare(jumpGreater, pass, fail)
    case 'SCMP_CMP_GE':
      return compare(jumpGreaterOrEqual, pass, fail)
    case 'SCMP_CMP_LT':
      return compare(jumpGreaterOrEqual, fail, pass)
    case 'SCMP_CMP_LE':
    default:
      return compare(jumpGreater, fail, pass)
  }

  /** The high words decide unless they are equal. */
  function compare(jump: number, whenAbove: number, otherwise: number): Instruction[] {
    return [
      ...(onlyLow
        ? []
        : [
            instruction(load, high),
            instruction(jumpGreater, valueHigh, whenAbove, 0),
            instruction(jumpEqual, valueHigh, 0, otherwise),
          ]),
      instruction(load, low),
      instruction(jump, valueLow, whenAbove, otherwise),
    ]
  }
}

/** Low and high word of an unsigned 64-bit number; 2^64 and what JSON rounded up to it stands for 2^64-1. */
function words(value: number): [number, number] {
  if (value >= 2 ** 64) return [0xffffffff, 0xffffffff]
  return [value % 2 ** 32, Math.floor(value / 2 ** 32)]
}
