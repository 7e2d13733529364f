// A spec's seccomp section as a BPF program. Needs no library: the numbers are in syscall-numbers.ts.
//
// First the architecture is compared (on x86-64 also bit 30 of the number, x32's); each then has a balanced tree of
// comparisons over ranges of numbers with the same outcome, so that a call costs about nine of them. A call that the
// rules do not name gets the default action, one newer than all that they name ENOSYS where the default is a refusal:
// that is what programs expect of a kernel which lacks it.
import { TspodError } from '#errors.ts'
import type { SeccompAction, SeccompArgumentSpec, SeccompSpec, SeccompSyscallSpec } from '#oci/runtime-spec.ts'
import {
  encodeProgram,
  type Instruction,
  instruction,
  jumpAlways,
  jumpEqual,
  jumpGreaterOrEqual,
  load,
  offsetOfArch,
  offsetOfNumber,
  ret,
} from './bpf.ts'
import { compileRule } from './conditions.ts'
import { type FilterArch, syscallNumbers } from './numbers.ts'

const EPERM = 1
const ENOSYS = 38

/** SECCOMP_RET_… of linux/seccomp.h */
const actions: Record<SeccompAction, number> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
}

/** What a call of another architecture meets, as with libseccomp. */
const otherArchitecture = actions.SCMP_ACT_KILL

// AUDIT_ARCH_… of linux/audit.h, the spec's names, and what this processor runs besides.
const architectures: Record<FilterArch, { audit: number; bits: 32 | 64; spec: string }> = {
  x86_64: { audit: 0xc000003e, bits: 64, spec: 'SCMP_ARCH_X86_64' },
  x32: { audit: 0xc000003e, bits: 64, spec: 'SCMP_ARCH_X32' },
  x86: { audit: 0x40000003, bits: 32, spec: 'SCMP_ARCH_X86' },
  arm64: { audit: 0xc00000b7, bits: 64, spec: 'SCMP_ARCH_AARCH64' },
  arm: { audit: 0x40000028, bits: 32, spec: 'SCMP_ARCH_ARM' },
}
const families: Record<string, FilterArch[]> = { x64: ['x86_64', 'x32', 'x86'], arm64: ['arm64', 'arm'] }

/**
 * The filter as struct sock_filter[], for a processor in Node's words (x64, arm64). Of several rules for one call the
 * first without conditions decides, else the first whose conditions hold. Unknown calls are passed over, as the same
 * profile serves several kernels. Throws UNSUPPORTED for another processor or a filter too large for the kernel.
 */
export function compileSeccomp(seccomp: SeccompSpec, processor: string): Uint8Array {
  const family = families[processor]
  if (family === undefined)
    throw new TspodError('UNSUPPORTED', `seccomp: the processor "${processor}" is not supported`)
  const [native] = family
  const odd = seccomp.architectures?.find(each => !/^SCMP_ARCH_[A-Z0-9_]+$/.test(each))
  if (odd !== undefined)
    throw new TspodError('INVALID', `seccomp: "${odd}" is no architecture, must be such as SCMP_ARCH_X86_64`)
  const wanted = family.filter(arch => arch === native || seccomp.architectures?.includes(architectures[arch].spec))
  try {
    return encodeProgram(compileArchitectures(seccomp, wanted))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TspodError('UNSUPPORTED', `seccomp: the profile is too large: ${error.message}`, { cause: error })
  }
}

function compileArchitectures(seccomp: SeccompSpec, wanted: FilterArch[]): Instruction[] {
  const program = [instruction(load, offsetOfArch)]
  for (const audit of new Set(wanted.map(arch => architectures[arch].audit))) {
    const body = compileCalls(
      seccomp,
      wanted.filter(arch => architectures[arch].audit === audit),
    )
    program.push(instruction(jumpEqual, audit, 1, 0), instruction(jumpAlways, body.length), ...body)
  }
  return [...program, instruction(ret, otherArchitecture)]
}

/** An outcome for the numbers from `first` up to the next range's. */
interface Range {
  first: number
  outcome: Instruction[]
}

const x32Bit = 0x40000000

function compileCalls(seccomp: SeccompSpec, wanted: FilterArch[]): Instruction[] {
  const defaultOutcome = [instruction(ret, returnValue(seccomp.defaultAction, seccomp.defaultErrnoRet))]
  const ranges: Range[] = [{ first: 0, outcome: defaultOutcome }]
  for (const arch of wanted) addRanges(ranges, seccomp, arch, defaultOutcome)
  if (wanted.includes('x86_64') !== wanted.includes('x32')) {
    // the other one of the two shares their AUDIT_ARCH; -1 is what a tracer sets to skip a call
    const killed = [instruction(ret, otherArchitecture)]
    if (wanted.includes('x32')) ranges[0] = { first: 0, outcome: killed }
    else addRange(ranges, x32Bit, killed)
    addRange(ranges, 0xffffffff, defaultOutcome)
  }
  return [instruction(load, offsetOfNumber), ...compileTree(merge(ranges))]
}

function addRanges(ranges: Range[], seccomp: SeccompSpec, arch: FilterArch, defaultOutcome: Instruction[]): void {
  const numbers = syscallNumbers(arch)
  const rulesByNumber = new Map<number, SeccompSyscallSpec[]>()
  for (const rule of seccomp.syscalls ?? []) {
    for (const name of rule.names) {
      const number = numbers.get(name)
      if (number === undefined) continue
      const rules = rulesByNumber.get(number)
      if (rules === undefined) rulesByNumber.set(number, [rule])
      else rules.push(rule)
    }
  }
  const plain = new Map<SeccompSyscallSpec, Instruction[]>()
  const outcomeOf = (rules: SeccompSyscallSpec[]): Instruction[] => {
    const unconditional = rules.find(rule => !rule.args?.length)
    if (unconditional === undefined) return compileRules(rules, architectures[arch].bits, defaultOutcome)
    const known = plain.get(unconditional)
    if (known !== undefined) return known
    const outcome = [instruction(ret, returnValue(unconditional.action, unconditional.errnoRet))]
    plain.set(unconditional, outcome)
    return outcome
  }
  if (arch === 'x32') addRange(ranges, x32Bit, defaultOutcome)
  const sorted = [...rulesByNumber].sort((a, b) => a[0] - b[0])
  for (const [number, rules] of sorted) {
    addRange(ranges, number, outcomeOf(rules))
    addRange(ranges, number + 1, defaultOutcome)
  }
  const last = sorted.at(-1)?.[0]
  if (last !== undefined && !isPermissive(seccomp.defaultAction) && seccomp.defaultErrnoRet !== ENOSYS)
    addRange(ranges, last + 1, [instruction(ret, returnValue('SCMP_ACT_ERRNO', ENOSYS))])
}

/** Appends a range; one that begins where the last one does takes its place. */
function addRange(ranges: Range[], first: number, outcome: Instruction[]): void {
  if (ranges.at(-1)?.first === first) ranges.pop()
  ranges.push({ first, outcome })
}

/** Neighbours with the same outcome become one. */
function merge(ranges: Range[]): Range[] {
  return ranges.filter(({ outcome }, index) => {
    const before = ranges[index - 1]?.outcome
    return (
      before !== outcome && !(before?.length === 1 && outcome.length === 1 && before[0]?.value === outcome[0]?.value)
    )
  })
}

/** An action that lets the call happen: a filter that only watches must not refuse what it does not know. */
function isPermissive(action: SeccompAction): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG' || action === 'SCMP_ACT_TRACE'
}

function returnValue(action: SeccompAction, errno: number | undefined): number {
  const carriesData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE'
  return (actions[action] | (carriesData ? (errno ?? EPERM) & 0xffff : 0)) >>> 0
}

/** Rules that all have conditions, one after the other; where none holds, the default. */
function compileRules(rules: SeccompSyscallSpec[], bits: 32 | 64, defaultOutcome: Instruction[]): Instruction[] {
  return [
    ...rules.flatMap(({ action, errnoRet, args }) =>
      alternatives(args ?? []).flatMap(each =>
        compileRule(each, instruction(ret, returnValue(action, errnoRet)), bits),
      ),
    ),
    ...defaultOutcome,
  ]
}

/** All conditions must hold, but two on the same argument are alternatives, as other runtimes read them. */
function alternatives(args: SeccompArgumentSpec[]): SeccompArgumentSpec[][] {
  const isUsedTwice = new Set(args.map(({ index }) => index)).size < args.length
  return isUsedTwice ? args.map(each => [each]) : [args]
}

/** Halves the ranges until one is left; the number is in the accumulator. */
function compileTree(ranges: Range[]): Instruction[] {
  const [only] = ranges
  if (only === undefined) return []
  if (ranges.length === 1) return only.outcome
  const middle = ranges.length >> 1
  const below = compileTree(ranges.slice(0, middle))
  const above = compileTree(ranges.slice(middle))
  const first = ranges[middle]?.first ?? 0
  if (below.length <= 255) return [instruction(jumpGreaterOrEqual, first, below.length, 0), ...below, ...above]
  return [instruction(jumpGreaterOrEqual, first, 0, 1), instruction(jumpAlways, below.length), ...below, ...above]
}
