// A spec's seccomp section as a BPF program. Needs no library: the numbers are in syscall-numbers.ts.
//
// First the architecture is compared (on x86-64 also bit 30 of the number, x32's); each then has a balanced tree of
// comparisons over ranges of numbers with the same outcome, so that a call costs about nine of them. A call that the
// rules do not name gets the default action, one newer than all that they name ENOSYS where the default is a refusal:
// that is what programs expect of a kernel which lacks it.
import { TspodError } from '#errors.ts'
import type { SeccompAction, SeccompArgumentSpec, SeccompSpec, SeccompSyscallSpec } from '#oci/runtime-spec.ts'
import {
  type Instruction,
  instruction,
  jumpAlways,
  jumpEqual,
  jumpGreaterOrEqual,
  load,
  offsetOfArch,
  offsetOfNumber,
  Program,
  ret,
} from './bpf.ts'
import { compileRule } from './conditions.ts'
import { type FilterArch, forEachSyscall } from './numbers.ts'

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

// AUDIT_ARCH_… of linux/audit.h, the words that arguments are compared in, and the spec's names.
const architectures: Record<FilterArch, { audit: number; bits: 32 | 64; spec: string }> = {
  x86_64: { audit: 0xc000003e, bits: 64, spec: 'SCMP_ARCH_X86_64' },
  x32: { audit: 0xc000003e, bits: 32, spec: 'SCMP_ARCH_X32' },
  x86: { audit: 0x40000003, bits: 32, spec: 'SCMP_ARCH_X86' },
  arm64: { audit: 0xc00000b7, bits: 64, spec: 'SCMP_ARCH_AARCH64' },
  arm: { audit: 0x40000028, bits: 32, spec: 'SCMP_ARCH_ARM' },
}
const families: Record<string, FilterArch[]> = { x64: ['x86_64', 'x32', 'x86'], arm64: ['arm64', 'arm'] }

/**
 * The filter as struct sock_filter[], for a processor in Node's words (x64, arm64). Of several rules for one call the
 * first whose conditions hold decides. Names no table knows are passed over, as one profile serves several kernels.
 * Throws INVALID for an unknown architecture, UNSUPPORTED for another processor or a filter too large for the kernel.
 */
export function compileSeccomp(seccomp: SeccompSpec, processor: string): Uint8Array {
  const family = families[processor]
  if (family === undefined)
    throw new TspodError('UNSUPPORTED', `seccomp: the processor "${processor}" is not supported`)
  const odd = seccomp.architectures?.find(each => !/^SCMP_ARCH_[A-Z0-9_]+$/.test(each))
  if (odd !== undefined)
    throw new TspodError('INVALID', `seccomp: "${odd}" is no architecture, must be such as SCMP_ARCH_X86_64`)
  const [native] = family
  const wanted = family.filter(arch => arch === native || seccomp.architectures?.includes(architectures[arch].spec))
  try {
    return compileArchitectures(seccomp, wanted).encode()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TspodError('UNSUPPORTED', `seccomp: the profile is too large: ${error.message}`, { cause: error })
  }
}

function compileArchitectures(seccomp: SeccompSpec, wanted: FilterArch[]): Program {
  const rules = rulesByName(seccomp.syscalls ?? [])
  const program = new Program()
  program.add(load, offsetOfArch)
  for (const audit of new Set(wanted.map(arch => architectures[arch].audit))) {
    program.add(jumpEqual, audit, 1, 0)
    const skip = program.length
    program.add(jumpAlways, 0)
    program.add(load, offsetOfNumber)
    const sharing = wanted.filter(arch => architectures[arch].audit === audit)
    addTree(program, collectRanges(seccomp, rules, sharing))
    program.set(skip, jumpAlways, program.length - skip - 1)
  }
  program.add(ret, otherArchitecture)
  return program
}

type RulesByName = ReadonlyMap<string, readonly SeccompSyscallSpec[]>

function rulesByName(rules: readonly SeccompSyscallSpec[]): RulesByName {
  const byName = new Map<string, SeccompSyscallSpec[]>()
  // a rule for many names is mostly the first of each: they share one list until a second rule comes
  for (const rule of rules) {
    const alone = [rule]
    for (const name of rule.names) {
      const before = byName.get(name)
      byName.set(name, before === undefined ? alone : [...before, rule])
    }
  }
  return byName
}

type Outcome = readonly Instruction[]

/** Outcomes for all numbers, ascending: each from its first number up to the next one's. */
interface Ranges {
  firsts: number[]
  outcomes: Outcome[]
}

const x32Bit = 0x40000000

/** The ranges of architectures that share one AUDIT_ARCH, as x86_64 and x32 do. */
function collectRanges(seccomp: SeccompSpec, rules: RulesByName, sharing: FilterArch[]): Ranges {
  const fallback = returning(seccomp.defaultAction, seccomp.defaultErrnoRet)
  const ranges: Ranges = { firsts: [0], outcomes: [fallback] }
  for (const arch of sharing) addCalls(ranges, seccomp, rules, arch, fallback)
  if (sharing.includes('x86_64') && !sharing.includes('x32')) {
    addRange(ranges, x32Bit, [instruction(ret, otherArchitecture)])
    // -1 is what a tracer sets to skip a call
    addRange(ranges, 0xffffffff, fallback)
  }
  return ranges
}

function addCalls(ranges: Ranges, seccomp: SeccompSpec, rules: RulesByName, arch: FilterArch, fallback: Outcome): void {
  const outcomes = new Map<readonly SeccompSyscallSpec[], Outcome>()
  const base = arch === 'x32' ? x32Bit : 0
  if (base > 0) addRange(ranges, base, fallback)
  let highest = -1
  forEachSyscall(arch, (name, plainNumber) => {
    const list = rules.get(name)
    if (list === undefined) return
    const outcome = outcomes.get(list) ?? compileRules(list, architectures[arch].bits, fallback)
    outcomes.set(list, outcome)
    highest = base + plainNumber
    addRange(ranges, highest, outcome)
    addRange(ranges, highest + 1, fallback)
  })
  if (highest >= 0 && !isPermissive(seccomp.defaultAction) && seccomp.defaultErrnoRet !== ENOSYS)
    addRange(ranges, highest + 1, returning('SCMP_ACT_ERRNO', ENOSYS))
}

/** Appends a range: one that begins where the last one does takes its place, and neighbours with one outcome merge. */
function addRange({ firsts, outcomes }: Ranges, first: number, outcome: Outcome): void {
  if (firsts.at(-1) === first) {
    firsts.pop()
    outcomes.pop()
  }
  if (outcomes.at(-1) === outcome) return
  firsts.push(first)
  outcomes.push(outcome)
}

/** An action that lets the call happen: a filter that only watches must not refuse what it does not know. */
function isPermissive(action: SeccompAction): boolean {
  return action === 'SCMP_ACT_ALLOW' || action === 'SCMP_ACT_LOG' || action === 'SCMP_ACT_TRACE'
}

/** The rules of one call, one after the other up to the first without conditions; `fallback` where none holds. */
function compileRules(rules: readonly SeccompSyscallSpec[], bits: 32 | 64, fallback: Outcome): Outcome {
  const program: Instruction[] = []
  for (const { action, errnoRet, args } of rules) {
    const outcome = returning(action, errnoRet)
    if (!args?.length) return program.length === 0 ? outcome : [...program, ...outcome]
    for (const conditions of alternatives(args)) program.push(...compileRule(conditions, outcome, bits))
  }
  return [...program, ...fallback]
}

const returns = new Map<number, Outcome>()

/** One instruction; the same outcome is the same object, so that ranges merge. */
function returning(action: SeccompAction, errno: number | undefined): Outcome {
  const carriesData = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE'
  const value = (actions[action] | (carriesData ? (errno ?? EPERM) & 0xffff : 0)) >>> 0
  const outcome = returns.get(value) ?? [instruction(ret, value)]
  returns.set(value, outcome)
  return outcome
}

/** All conditions must hold, but two on the same argument are alternatives, as other runtimes read them. */
function alternatives(args: readonly SeccompArgumentSpec[]): (readonly SeccompArgumentSpec[])[] {
  const isUsedTwice = new Set(args.map(({ index }) => index)).size < args.length
  return isUsedTwice ? args.map(each => [each]) : [args]
}

/** Halves the ranges `from` to `end` until one is left; the number is in the accumulator. */
function addTree(program: Program, ranges: Ranges, from = 0, end = ranges.firsts.length): void {
  if (end - from === 1) {
    program.addAll(ranges.outcomes[from] ?? [])
    return
  }
  const middle = (from + end) >> 1
  const first = ranges.firsts[middle] ?? 0
  const jump = program.length
  const isLong = mostInstructions(ranges, from, middle) > 255
  program.add(jumpGreaterOrEqual, first)
  if (isLong) program.add(jumpAlways, 0)
  addTree(program, ranges, from, middle)
  if (isLong) {
    program.set(jump, jumpGreaterOrEqual, first, 0, 1)
    program.set(jump + 1, jumpAlways, program.length - jump - 2)
  } else program.set(jump, jumpGreaterOrEqual, first, program.length - jump - 1, 0)
  addTree(program, ranges, middle, end)
}

/** An upper bound for the tree of these ranges. */
function mostInstructions({ outcomes }: Ranges, from: number, end: number): number {
  let sum = 2 * (end - from)
  for (let at = from; at < end; at++) sum += outcomes[at]?.length ?? 0
  return sum
}
