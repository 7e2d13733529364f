// The configuration of a container, config.json of a bundle: OCI runtime-spec 1.1 (config.md, config-linux.md).

/** The version this program writes. */
export const runtimeSpecVersion = '1.1.0'

export interface RuntimeSpec {
  ociVersion: string
  process?: ProcessSpec
  root: RootSpec
  hostname?: string
  domainname?: string
  mounts?: MountSpec[]
  hooks?: HooksSpec
  annotations?: Record<string, string>
  linux?: LinuxSpec
}

export interface RootSpec {
  path: string
  readonly?: boolean
}

export interface ProcessSpec {
  terminal?: boolean
  consoleSize?: { height: number; width: number }
  user: UserSpec
  args: string[]
  env?: string[]
  cwd: string
  capabilities?: CapabilitiesSpec
  rlimits?: RlimitSpec[]
  noNewPrivileges?: boolean
  apparmorProfile?: string
  selinuxLabel?: string
  oomScoreAdj?: number
  scheduler?: SchedulerSpec
  ioPriority?: IoPrioritySpec
}

export interface UserSpec {
  uid: number
  gid: number
  umask?: number
  additionalGids?: number[]
}

/** Names as in capabilities(7), `CAP_CHOWN`; an absent set is empty. */
export interface CapabilitiesSpec {
  bounding?: string[]
  effective?: string[]
  inheritable?: string[]
  permitted?: string[]
  ambient?: string[]
}

export interface RlimitSpec {
  /** `RLIMIT_NOFILE`, see getrlimit(2) */
  type: string
  /** 18446744073709551615 (RLIM_INFINITY) arrives rounded to 2^64: anything from 2^63 means unlimited */
  soft: number
  hard: number
}

/** sched_setattr(2); policy `SCHED_BATCH`, flags `SCHED_FLAG_…`. */
export interface SchedulerSpec {
  policy: string
  nice?: number
  priority?: number
  flags?: string[]
  runtime?: number
  deadline?: number
  period?: number
}

/** ioprio_set(2). */
export interface IoPrioritySpec {
  class: 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE'
  priority?: number
}

export interface MountSpec {
  destination: string
  type?: string
  source?: string
  options?: string[]
  uidMappings?: IdMappingSpec[]
  gidMappings?: IdMappingSpec[]
}

/** Ids `containerID … containerID+size` inside are `hostID … hostID+size` of the parent user namespace. */
export interface IdMappingSpec {
  containerID: number
  hostID: number
  size: number
}

export interface HooksSpec {
  prestart?: HookSpec[]
  createRuntime?: HookSpec[]
  createContainer?: HookSpec[]
  startContainer?: HookSpec[]
  poststart?: HookSpec[]
  poststop?: HookSpec[]
}

export interface HookSpec {
  path: string
  args?: string[]
  env?: string[]
  /** seconds */
  timeout?: number
}

export interface LinuxSpec {
  namespaces?: NamespaceSpec[]
  uidMappings?: IdMappingSpec[]
  gidMappings?: IdMappingSpec[]
  timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>
  devices?: DeviceSpec[]
  cgroupsPath?: string
  resources?: ResourcesSpec
  rootfsPropagation?: 'shared' | 'slave' | 'private' | 'unbindable' | 'rshared' | 'rslave' | 'rprivate' | 'runbindable'
  sysctl?: Record<string, string>
  seccomp?: SeccompSpec
  maskedPaths?: string[]
  readonlyPaths?: string[]
  mountLabel?: string
  personality?: { domain: 'LINUX' | 'LINUX32'; flags?: string[] }
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'

/** A namespace to create, or to join where `path` is given. */
export interface NamespaceSpec {
  type: NamespaceType
  path?: string
}

export interface DeviceSpec {
  type: 'c' | 'b' | 'u' | 'p'
  path: string
  major?: number
  minor?: number
  fileMode?: number
  uid?: number
  gid?: number
}

export interface ResourcesSpec {
  devices?: DeviceCgroupSpec[]
  memory?: MemorySpec
  cpu?: CpuSpec
  pids?: { limit: number }
  blockIO?: BlockIoSpec
  hugepageLimits?: { pageSize: string; limit: number }[]
  network?: { classID?: number; priorities?: { name: string; priority: number }[] }
  rdma?: Record<string, { hcaHandles?: number; hcaObjects?: number }>
  /** cgroup v2 files and what to write to them */
  unified?: Record<string, string>
}

export interface DeviceCgroupSpec {
  allow: boolean
  type?: 'a' | 'c' | 'b'
  major?: number
  minor?: number
  access?: string
}

/** Bytes; -1 is unlimited. */
export interface MemorySpec {
  limit?: number
  reservation?: number
  swap?: number
  kernel?: number
  kernelTCP?: number
  swappiness?: number
  disableOOMKiller?: boolean
  useHierarchy?: boolean
  checkBeforeUpdate?: boolean
}

/** Times in microseconds. */
export interface CpuSpec {
  shares?: number
  quota?: number
  burst?: number
  period?: number
  realtimeRuntime?: number
  realtimePeriod?: number
  cpus?: string
  mems?: string
  idle?: number
}

export interface BlockIoSpec {
  weight?: number
  leafWeight?: number
  weightDevice?: { major: number; minor: number; weight?: number; leafWeight?: number }[]
  throttleReadBpsDevice?: ThrottleSpec[]
  throttleWriteBpsDevice?: ThrottleSpec[]
  throttleReadIOPSDevice?: ThrottleSpec[]
  throttleWriteIOPSDevice?: ThrottleSpec[]
}

export interface ThrottleSpec {
  major: number
  minor: number
  rate: number
}

export const seccompActions = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
] as const
export type SeccompAction = (typeof seccompActions)[number]

export const seccompOperators = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const
export type SeccompOperator = (typeof seccompOperators)[number]

/** config-linux.md, Seccomp. */
export interface SeccompSpec {
  defaultAction: SeccompAction
  defaultErrnoRet?: number
  /** `SCMP_ARCH_X86_64`; absent: the native one alone */
  architectures?: string[]
  /** `SECCOMP_FILTER_FLAG_LOG`, `…_TSYNC`, `…_SPEC_ALLOW`, `…_WAIT_KILLABLE_RECV` */
  flags?: string[]
  listenerPath?: string
  listenerMetadata?: string
  syscalls?: SeccompSyscallSpec[]
}

export interface SeccompSyscallSpec {
  names: string[]
  action: SeccompAction
  errnoRet?: number
  /** all must hold */
  args?: SeccompArgumentSpec[]
}

export interface SeccompArgumentSpec {
  index: number
  /** unsigned 64-bit; the mask for SCMP_CMP_MASKED_EQ */
  value: number
  /** what the masked argument must equal */
  valueTwo?: number
  op: SeccompOperator
}
