// What a user asked for when creating a container: the options of run(1)/create(1), parsed but not yet decided.
// Pure data, JSON-serialisable: it is stored in container.json and never changes after creation.

import type { PortRequest } from '#network/ports/mapping.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import type { HealthRequest } from './healthcheck.ts'
import type { RestartPolicy } from './restart-policy.ts'
import type { NotifyMode } from './service-manager.ts'
import type { SystemdMode } from './systemd-mode.ts'

export type NamespaceMode =
  | { kind: 'private' }
  | { kind: 'host' }
  | { kind: 'container'; container: string }
  | { kind: 'path'; path: string }

export type UsernsMode =
  | { kind: 'default' }
  | { kind: 'host' }
  | { kind: 'keep-id'; uid?: number; gid?: number; size?: number }
  | { kind: 'auto'; size?: number }
  | { kind: 'nomap' }
  | { kind: 'container'; container: string }
  | { kind: 'path'; path: string }

/** One user-defined network as `--network name:options` asks for it. */
export interface NetworkWish {
  /** `bridge` stands for the default network */
  name: string
  aliases: string[]
  ip?: string
  ip6?: string
  mac?: string
  interfaceName?: string
}

/** `--network`: one driver with its options as typed, or user-defined networks. `default` lets containers.conf choose. */
export type NetworkRequest =
  | { kind: 'default' | 'none' | 'host' | 'private' }
  | { kind: 'slirp4netns' | 'pasta'; options: string[] }
  | { kind: 'networks'; networks: NetworkWish[] }
  | { kind: 'container'; container: string }
  | { kind: 'path'; path: string }

/** One `-v`, `--mount`, `--tmpfs` or image VOLUME, normalised. Paths inside the container are absolute. */
export type MountRequest =
  | {
      type: 'bind'
      source: string
      destination: string
      readOnly: boolean
      /** `:rro`: what is mounted below the source too */
      readOnlyTree?: true
      propagation?: 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave'
      recursive: boolean
      nosuid: boolean
      nodev: boolean
      noexec: boolean
      /** `:U`: give the source to the container's user */
      chown: boolean
      /** `:z` shared label, `:Z` private label */
      relabel?: 'shared' | 'private'
      /** `:O` */
      overlay: boolean
      /** `:O,upperdir=,workdir=`: what is written stays in these */
      overlayFolders?: { upper: string; work: string }
      /** create a missing source folder, as docker's `-v` does; `--mount type=bind` refuses instead */
      createSource: boolean
    }
  | {
      type: 'volume'
      /** empty for an anonymous volume, which is removed with the container */
      name: string
      destination: string
      readOnly: boolean
      readOnlyTree?: true
      subpath?: string
      nosuid: boolean
      nodev: boolean
      noexec: boolean
      chown: boolean
      /** `:O` */
      overlay: boolean
      overlayFolders?: { upper: string; work: string }
      /** fill an empty volume from the image (`:nocopy` unsets it) */
      copyUp: boolean
      propagation?: 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave'
    }
  | { type: 'tmpfs'; destination: string; options: string[]; copyUp: boolean }
  | { type: 'devpts' | 'mqueue' | 'ramfs'; destination: string; options: string[] }
  | { type: 'image'; image: string; destination: string; readWrite: boolean; subpath?: string }

export interface ContainerRequest {
  /** fields whose value here is only a default: the configuration may say otherwise (configured-defaults.ts) */
  unsaid: (keyof ContainerRequest)[]
  name?: string
  /** the words after the program's name that asked for it; absent where no command line did */
  createCommand?: string[]
  /** the image as typed, or */
  image?: string
  /** `--rootfs`: an absolute path to an unpacked root file system */
  rootfs?: string
  platform?: string
  command: string[]
  /** `undefined`: the image's; `[]`: none */
  entrypoint?: string[]
  /** `NAME=value`, or `NAME` to take the caller's, or a glob `SLURM_*` */
  env: string[]
  envFiles: string[]
  envHost: boolean
  envMerge: string[]
  unsetEnv: string[]
  unsetEnvAll: boolean
  httpProxy: boolean
  workdir?: string
  hostname?: string
  user?: string
  groupAdd: string[]
  labels: Record<string, string>
  annotations: Record<string, string>
  interactive: boolean
  tty: boolean
  remove: boolean
  detach: boolean
  init: boolean
  initPath?: string
  privileged: boolean
  readOnly: boolean
  readOnlyTmpfs: boolean
  capAdd: string[]
  capDrop: string[]
  /** as typed: `seccomp=unconfined`, `no-new-privileges`, `mask=…`, `unmask=…`, `apparmor=…`, `label=…`, `proc-opts=…` */
  securityOpts: string[]
  sysctls: Record<string, string>
  /** `nofile=1024:2048`, `host` */
  ulimits: string[]
  umask?: string
  /** limits that were asked for; absent: none */
  resources?: ResourcesSpec
  /** limits that cannot be enforced are come close to */
  softLimits?: true
  /** absent: a control group for the container, and one for its monitor */
  cgroups?: 'disabled' | 'no-conmon' | 'split'
  /** a slice for systemd, a path for cgroupfs */
  cgroupParent?: string
  oomScoreAdj?: number
  /** host path, path in the container, cgroup permissions: `/dev/fuse`, `/dev/x:/dev/y:rw` */
  devices: string[]
  mounts: MountRequest[]
  volumesFrom: string[]
  imageVolumes: 'anonymous' | 'tmpfs' | 'ignore'
  shmSizeBytes?: number
  userns: UsernsMode
  uidMap: string[]
  gidMap: string[]
  pid: NamespaceMode
  ipc: NamespaceMode
  uts: NamespaceMode
  cgroupns: NamespaceMode
  network: NetworkRequest
  dns: string[]
  dnsSearch: string[]
  dnsOptions: string[]
  /** `name:ip`; `host-gateway` as the ip */
  addHosts: string[]
  noHosts: boolean
  noHostname: boolean
  /** --publish */
  publish: PortRequest[]
  /** --publish-all: what the image and `expose` name, on free ports */
  publishAll: boolean
  /** a port below 1024 that cannot be had becomes the next free one above 8000 */
  portFallback: boolean
  expose: string[]
  logDriver?: string
  logOpts: Record<string, string>
  stopSignal?: string
  stopTimeoutSeconds?: number
  /** `--timeout`: kill it after this long */
  timeoutSeconds?: number
  /** absent: as the image has it */
  health?: HealthRequest
  /** absent: it stays ended; `update` changes it */
  restart?: RestartPolicy
  /** absent: where its program is systemd */
  systemd?: SystemdMode
  /** `--shm-size-systemd`, of the tmpfs that systemd gets */
  systemdTmpfsBytes?: number
  /** absent: tspod tells it where a service manager asks */
  sdnotify?: NotifyMode
  timezone?: string
  /** replace a container of the same name */
  replace: boolean
  pull: 'always' | 'missing' | 'never' | 'newer'
  cidFile?: string
  pidFile?: string
  /** gets the pid of its monitor */
  monitorPidFile?: string
  hooksDirs: string[]
  preserveFds: number
  detachKeys?: string
  passwd: boolean
  passwdEntry?: string
  groupEntry?: string
  hostUsers: string[]
  /** `--pod`: a pod's name or id, or `new:NAME`; the id once the container is made. Absent: in none */
  pod?: string
  /** `--init-ctr`: runs to its end before the members of its pod start */
  initCtr?: 'always' | 'once'
}
