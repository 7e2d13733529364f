// What planning a container needs besides the request: facts that the engine has looked up. Pure data.
import type { IdMappingSpec, RlimitSpec } from '#oci/runtime-spec.ts'
import type { HookDefinition } from './hooks.ts'
import type { ContainerRequest } from './request.ts'
import type { SeccompProfile } from './seccomp-profile.ts'

/** What the image's configuration says about running it (OCI image-spec, config.md). */
export interface ImageDefaults {
  entrypoint?: string[]
  command?: string[]
  env?: string[]
  workdir?: string
  user?: string
  stopSignal?: string
}

/** The [containers] table of containers.conf(5), as far as it shapes a container. */
export interface ContainerDefaults {
  capabilities: string[]
  sysctls: Record<string, string>
  ulimits: RlimitSpec[]
  /** `NAME=value` */
  env: string[]
  /** as --device takes them */
  devices: string[]
  shmSizeBytes: number
  umask: string
  /** `unconfined` turns confinement off; absent: what the host has */
  apparmorProfile?: string
  stopSignal: string
}

export interface HostFacts {
  /** Node's name of the processor: x64, arm64 */
  arch: string
  /** `6.1.0-13-amd64` */
  kernelRelease: string
  /** /proc/sys/kernel/cap_last_cap */
  lastCapability: number
  /** the caller's environment */
  env: Record<string, string>
  /** the caller's hard limits, which a rootless container gets as both of its own */
  rlimits: RlimitSpec[]
  /** the caller's /proc/self/oom_score_adj: nobody without privilege goes below it */
  oomScoreAdj: number
  /** 2 only where cgroup2 is mounted on /sys/fs/cgroup (not hybrid) */
  cgroupVersion: 1 | 2
  hasMqueue: boolean
  apparmor: boolean
  /** SELinux' base contexts for containers, where it is enabled */
  selinux?: { processLabel: string; mountLabel: string }
  /** device nodes below /dev, for --privileged */
  deviceNodes: string[]
  hostname: string
}

/** Namespaces of other containers, or paths, as /proc/PID/ns/… files; absent ones are made or shared with the host. */
export interface JoinedNamespaces {
  user?: string
  pid?: string
  network?: string
  ipc?: string
  uts?: string
  cgroup?: string
  /** /dev/shm of the container whose ipc namespace is joined, to be bound */
  shm?: string
  /** the name of the container whose uts namespace is joined */
  hostname?: string
}

/** The container's user namespace within the user's one; `host` is the user's itself, `join` comes from JoinedNamespaces. */
export type UserNamespacePlan =
  | { kind: 'new'; uidMappings: IdMappingSpec[]; gidMappings: IdMappingSpec[] }
  | { kind: 'host'; uidMappings: IdMappingSpec[]; gidMappings: IdMappingSpec[] }
  | { kind: 'join'; uidMappings: IdMappingSpec[]; gidMappings: IdMappingSpec[] }

/** One mount of the user's, its source found: a folder or file of the host, as seen from the user's namespace. */
export interface ResolvedMount {
  destination: string
  /** bind, or a file system's type */
  type: string
  source: string
  options: string[]
}

/** Files that the engine writes for the container; an absent one is not mounted. */
export interface ContainerPaths {
  rootfs: string
  hosts: string
  resolvConf: string
  hostname: string
  containerEnv: string
  passwd: string
  group: string
  /** the init program on the host, for --init */
  init?: string
}

export interface PlanInputs {
  id: string
  name: string
  request: ContainerRequest
  image: ImageDefaults
  defaults: ContainerDefaults
  host: HostFacts
  userNamespace: UserNamespacePlan
  joined: JoinedNamespaces
  /** how the network is really connected, once `default` and `private` are decided */
  network: 'none' | 'host' | 'own' | 'joined'
  mounts: ResolvedMount[]
  /** of the image: empty where the file is missing */
  accounts: { passwd: string; group: string }
  /** the caller, for --userns keep-id */
  caller: { uid: number; gid: number; name: string; groupName: string }
  /** lines of the host's passwd for --hostuser, in its order */
  hostUserEntries: string[]
  /** entries of all --env-file in order, as `readEnvFile` gives them */
  envFileEntries: string[]
  seccomp: SeccompProfile | 'unconfined'
  hooks: HookDefinition[]
  paths: ContainerPaths
  cgroupsPath?: string
  consoleSize?: { height: number; width: number }
}
