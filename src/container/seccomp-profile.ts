// A seccomp profile as containers use it (conditions on capabilities and processors) to the spec's filter. Pure.
import { during, TspodError } from '#errors.ts'
import { isArrayOf, isInteger, isObject, isOneOf, isString, type Shape } from '#oci/json-shape.ts'
import {
  type SeccompAction,
  type SeccompArgumentSpec,
  type SeccompSpec,
  type SeccompSyscallSpec,
  seccompActions,
  seccompOperators,
} from '#oci/runtime-spec.ts'

/** The file format of containers-common and docker (seccomp.json). */
export interface SeccompProfile {
  defaultAction: SeccompAction
  defaultErrnoRet?: number
  defaultErrno?: string
  architectures?: string[]
  archMap?: { architecture: string; subArchitectures?: string[] | null }[] | null
  flags?: string[]
  listenerPath?: string
  listenerMetadata?: string
  syscalls?: SyscallRule[] | null
}

interface SyscallRule {
  name?: string
  names?: string[]
  action: SeccompAction
  args?: SeccompArgumentSpec[] | null
  errnoRet?: number
  errno?: string
  includes?: Condition | null
  excludes?: Condition | null
}

interface Condition {
  arches?: string[] | null
  caps?: string[] | null
  minKernel?: string
}

export interface ProfileFacts {
  /** Node's name of the processor */
  arch: string
  /** the bounding set, `CAP_…` */
  capabilities: readonly string[]
  /** `6.1`, for minKernel conditions */
  kernelRelease: string
}

// seccomp.json's names of a processor: the native one of the spec and the ones of its conditions
const processors: Record<string, { native: string; condition: string; also: string[] }> = {
  x64: { native: 'SCMP_ARCH_X86_64', condition: 'amd64', also: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
  arm64: { native: 'SCMP_ARCH_AARCH64', condition: 'arm64', also: ['SCMP_ARCH_ARM'] },
}

const errnoByName: Record<string, number> = {
  EPERM: 1,
  ENOENT: 2,
  EACCES: 13,
  EINVAL: 22,
  ENOSYS: 38,
}

/** The rules that hold for this processor, kernel and set of capabilities. Throws UNSUPPORTED for other processors. */
export function resolveSeccompProfile(profile: SeccompProfile, facts: ProfileFacts): SeccompSpec {
  const processor = processors[facts.arch]
  if (processor === undefined)
    throw new TspodError('UNSUPPORTED', `seccomp: the processor "${facts.arch}" is not supported, must be x64 or arm64`)
  const holds = ({ arches, caps, minKernel }: Condition, isInclude: boolean): boolean => {
    if (isInclude) {
      if (arches?.length && !arches.includes(processor.condition)) return false
      if (caps?.some(cap => !facts.capabilities.includes(cap))) return false
      return minKernel === undefined || isAtLeast(facts.kernelRelease, minKernel)
    }
    if (arches?.includes(processor.condition)) return false
    if (caps?.some(cap => facts.capabilities.includes(cap))) return false
    return minKernel === undefined || minKernel === '' || !isAtLeast(facts.kernelRelease, minKernel)
  }
  const rules = (profile.syscalls ?? []).filter(
    rule => holds(rule.includes ?? {}, true) && holds(rule.excludes ?? {}, false),
  )
  const errno = errnoOf(profile.defaultErrno, profile.defaultErrnoRet)
  const mapped = profile.archMap?.find(({ architecture }) => architecture === processor.native)
  return {
    defaultAction: profile.defaultAction,
    ...(errno !== undefined && { defaultErrnoRet: errno }),
    architectures: profile.architectures ?? [
      processor.native,
      ...(mapped ? (mapped.subArchitectures ?? []) : processor.also),
    ],
    ...(profile.flags?.length && { flags: profile.flags }),
    ...(profile.listenerPath && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata && { listenerMetadata: profile.listenerMetadata }),
    syscalls: rules.map(ruleOf),
  }
}

function ruleOf(rule: SyscallRule): SeccompSyscallSpec {
  const errno = errnoOf(rule.errno, rule.errnoRet)
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(errno !== undefined && { errnoRet: errno }),
    ...(rule.args?.length && { args: rule.args }),
  }
}

function errnoOf(name: string | undefined, number: number | undefined): number | undefined {
  return number ?? (name ? errnoByName[name] : undefined)
}

function isAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

const isErrnoName: Shape = (value, path) => {
  if (value !== '') isOneOf(...Object.keys(errnoByName))(value, path)
}

/** Made only where a file is read: the default profile needs no check. */
function profileShape(): Shape {
  const isCondition = isObject({}, { arches: isArrayOf(isString), caps: isArrayOf(isString), minKernel: isString })
  const isErrno = isInteger(0, 4095)
  const isArgument = isObject(
    { index: isInteger(0, 5), value: isInteger(0, 2 ** 64), op: isOneOf(...seccompOperators) },
    { valueTwo: isInteger(0, 2 ** 64) },
  )
  const isRule = isObject(
    { action: isOneOf(...seccompActions) },
    {
      name: isString,
      names: isArrayOf(isString),
      errnoRet: isErrno,
      includes: isCondition,
      excludes: isCondition,
      args: isArrayOf(isArgument),
    },
  )
  return isObject(
    { defaultAction: isOneOf(...seccompActions) },
    {
      defaultErrnoRet: isErrno,
      architectures: isArrayOf(isString),
      archMap: isArrayOf(isObject({ architecture: isString }, { subArchitectures: isArrayOf(isString) })),
      flags: isArrayOf(isString),
      listenerPath: isString,
      listenerMetadata: isString,
      syscalls: isArrayOf(isRule),
    },
  )
}

/** The text of a profile, checked. Throws INVALID naming the file and the JSON path. */
export function parseSeccompProfile(path: string, text: string): SeccompProfile {
  try {
    const value: unknown = JSON.parse(text)
    profileShape()(value, 'profile')
    return checkedErrnos(value as SeccompProfile)
  } catch (error) {
    const failure = during(`reading the seccomp profile "${path}"`, error)
    throw new TspodError('INVALID', failure.message, { cause: error })
  }
}

function checkedErrnos(profile: SeccompProfile): SeccompProfile {
  // a number wins over a name, so a name matters only alone
  for (const [index, rule] of (profile.syscalls ?? []).entries())
    if (rule.errno !== undefined && rule.errnoRet === undefined)
      isErrnoName(rule.errno, `profile.syscalls[${index}].errno`)
  if (profile.defaultErrno !== undefined && profile.defaultErrnoRet === undefined)
    isErrnoName(profile.defaultErrno, 'profile.defaultErrno')
  return profile
}
