// What a seccomp section says to a call, read straight from the rules: the measure for compiled filters.
import type { SeccompArgumentSpec, SeccompSpec, SeccompSyscallSpec } from '#oci/runtime-spec.ts'
import { type FilterArch, forEachSyscall } from '#runtime/seccomp/numbers.ts'

const values: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
}

export const audits: Record<FilterArch, number> = {
  x86_64: 0xc000003e,
  x32: 0xc000003e,
  x86: 0x40000003,
  arm64: 0xc00000b7,
  arm: 0x40000028,
}

export function numbersOf(arch: FilterArch): Map<string, number> {
  const numbers = new Map<string, number>()
  forEachSyscall(arch, (name, number) => numbers.set(name, number + (arch === 'x32' ? 0x40000000 : 0)))
  return numbers
}

/** `name` undefined is a call that no rule names. */
export function evaluate(seccomp: SeccompSpec, name: string | undefined, args: bigint[], bits: number): number {
  const rules = (seccomp.syscalls ?? []).filter(rule => name !== undefined && rule.names.includes(name))
  const rule = rules.find(each => holds(each, args, bits))
  return rule === undefined
    ? returned(seccomp.defaultAction, seccomp.defaultErrnoRet)
    : returned(rule.action, rule.errnoRet)
}

export function returned(action: string, errno = 1): number {
  const value = values[action] ?? Number.NaN
  return action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? value + errno : value
}

function holds({ args: conditions = [] }: SeccompSyscallSpec, args: bigint[], bits: number): boolean {
  const isUsedTwice = new Set(conditions.map(({ index }) => index)).size < conditions.length
  const check = (condition: SeccompArgumentSpec) => compare(condition, args[condition.index] ?? 0n, bits)
  return isUsedTwice ? conditions.some(check) : conditions.every(check)
}

function compare({ op, value, valueTwo = 0 }: SeccompArgumentSpec, argument: bigint, bits: number): boolean {
  const cut = (number: bigint | number) => BigInt.asUintN(bits, BigInt(number))
  const [is, than] = [cut(argument), cut(value)]
  switch (op) {
    case 'SCMP_CMP_EQ':
      return is === than
    case 'SCMP_CMP_NE':
      return is !== than
    case 'SCMP_CMP_LT':
      return is < than
    case 'SCMP_CMP_LE':
      return is <= than
    case 'SCMP_CMP_GT':
      return is > than
    case 'SCMP_CMP_GE':
      return is >= than
    case 'SCMP_CMP_MASKED_EQ':
      return (is & than) === (cut(valueTwo) & than)
  }
}
