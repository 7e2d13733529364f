// Inputs and outputs of the container verbs: data only, times in milliseconds since 1970, ids in full (64 hex digits).
import type { HealthStatus } from '#container/healthcheck.ts'
import type { RestartPolicy } from '#container/restart-policy.ts'
import type { TspodError } from '#errors.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import type { OnProgress, PullOptions } from './image.ts'

/** A name, a full id or an unambiguous prefix; `{ latest: true }` is the one created last. */
export type ContainerName = string | { latest: true }

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'stopping'
  | 'exited'
  /** ended, and about to be started again by its policy */
  | 'restarting'
  | 'removing'
  /** the record says it runs on another machine that shares this store */
  | 'elsewhere'
  /** its record cannot be read */
  | 'unknown'

export interface LabelFilter {
  key: 'label'
  name: string
  /** absent: any value */
  value?: string
  /** `label!=…` */
  not: boolean
}

/** Same key: any may match; different keys and labels: all must (podman-ps(1), --filter). */
export type ContainerFilter =
  | LabelFilter
  | { key: 'id' | 'name' | 'ancestor' | 'before' | 'since' | 'volume' | 'network' | 'pod'; value: string }
  | { key: 'status'; status: ContainerStatus }
  | { key: 'health'; health: HealthStatus | 'none' }
  | { key: 'restart-policy'; value: string }
  | { key: 'should-start-on-boot'; value: boolean }
  | { key: 'exited'; code: number }
  | { key: 'until'; beforeMs: number }

/** Which containers a verb is for. The verb decides what `all` means for it (stop: running ones, rm: every one). */
export interface Selection {
  names: ContainerName[]
  all: boolean
  filters: ContainerFilter[]
  /** a missing name is no error (`--ignore`) */
  ignoreMissing: boolean
}

/** What became of one chosen container. One's failure does not keep the others from their turn. */
export interface Outcome {
  /** as typed; the id where the choice was `all`, a filter or `latest` */
  input: string
  id?: string
  error?: TspodError
}

/** How this process's descriptors 0, 1, 2 are connected to a container's process while it is attached. */
export interface ClientStreams {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  /** forward the signals this process gets (never with a terminal's own ones) */
  sigProxy: boolean
  /** `ctrl-p,ctrl-q` as typed and checked; empty disables; absent: the configured ones */
  detachKeys?: string
}

export interface RunOptions {
  /** absent: leave it running (`-d`) */
  streams?: ClientStreams
  pull: PullOptions
}

export type AttachOutcome = { kind: 'exited'; exitCode: number } | { kind: 'detached' }
export type RunOutcome = AttachOutcome & {
  id: string
  /** what the user should hear of a container that runs in the background */
  note?: string
}

export interface StopOptions {
  /** absent: what the container was created with */
  timeoutSeconds?: number
}

/** What `update` changes; absent: it stays. */
export interface UpdateChanges {
  resources?: ResourcesSpec
  restart?: RestartPolicy | 'no'
}

export interface RestartOptions extends StopOptions {
  /** `--running`: leave stopped ones alone */
  runningOnly: boolean
}

export interface RemoveOptions extends StopOptions {
  force: boolean
  /** anonymous volumes too */
  volumes: boolean
  /** those that depend on it first */
  depend: boolean
  /** infra containers too, and what is left of their pods then */
  withPods?: true
}

export interface ExecRequest {
  command: string[]
  env: string[]
  envFiles: string[]
  user?: string
  workdir?: string
  interactive: boolean
  tty: boolean
  detach: boolean
  privileged: boolean
  preserveFds: number
}

/** `sessionId`: of a detached one. */
export type ExecOutcome = AttachOutcome | { kind: 'started'; sessionId: string }

export interface LogOptions {
  follow: boolean
  sinceMs?: number
  untilMs?: number
  /** absent: all */
  tail?: number
  /** ends following */
  signal?: AbortSignal
}

export interface LogEntry {
  id: string
  name: string
  stream: 'stdout' | 'stderr'
  /** RFC 3339 with nanoseconds, as recorded */
  time: string
  /** one line without its newline, or a piece of one */
  bytes: Uint8Array
  /** the line goes on in the next entry of this stream */
  partial: boolean
}

export interface ContainerQuery {
  all: boolean
  /** the n created last, whatever their state */
  last?: number
  filters: ContainerFilter[]
  size: boolean
  namespaces: boolean
}

/** A published port, or a range of consecutive ones. */
export type PublishedPort = PortMapping

/** Inode numbers of the process's namespaces, as text. */
export interface NamespaceInodes {
  cgroup: string
  ipc: string
  mnt: string
  net: string
  pid: string
  user: string
  uts: string
}

export interface ContainerSummary {
  id: string
  names: string[]
  /** as it was resolved (`docker.io/library/alpine:latest`); the folder of a `--rootfs` one */
  image: string
  /** empty for a `--rootfs` one */
  imageId: string
  command: string[]
  createdMs: number
  status: ContainerStatus
  startedMs?: number
  exitedMs?: number
  exitCode?: number
  /** of its present or last run; absent: it has no check */
  health?: HealthStatus
  /** 0 while it does not run */
  pid: number
  autoRemove: boolean
  labels: Record<string, string>
  /** destinations of its volumes and binds */
  mounts: string[]
  networks: string[]
  /** its own; of a member of a pod that shares the network, the pod's */
  ports: PublishedPort[]
  restarts: number
  /** absent: in none */
  pod?: { id: string; name: string; isInfra: boolean }
  /** only where asked for */
  size?: { rootFsBytes: number; writableBytes: number }
  namespaces?: NamespaceInodes
  /** the machine it runs on, for status `elsewhere` */
  machine?: string
}

/** One object in podman's JSON shape (podman-container-inspect(1) and its kin); printed and templated as it is. */
export type InspectObject = Record<string, unknown>

/** What was found of several, and an error for each that nothing has. */
export interface Inspected {
  objects: InspectObject[]
  missing: Error[]
}

export interface InspectOptions {
  type: 'all' | 'container' | 'image' | 'volume' | 'network' | 'pod'
  size: boolean
  latest: boolean
}

export interface WaitOptions {
  conditions: (ContainerStatus | 'healthy' | 'unhealthy')[]
  intervalMs: number
  ignoreMissing: boolean
  /** the first one that meets a condition ends the wait for all */
  firstMatch: boolean
}

export interface WaitOutcome {
  input: string
  exitCode: number
}

export type TopRequest =
  /** podman's descriptors (`pid`, `user`, `huser`, `args`, `%C` …); empty: the default columns */
  | { kind: 'descriptors'; descriptors: string[] }
  /** arguments for ps(1), `-eo user,pid,comm` */
  | { kind: 'ps'; arguments: string[] }

export interface ProcessTable {
  titles: string[]
  rows: string[][]
}

export interface ContainerPorts {
  id: string
  name: string
  ports: PublishedPort[]
}

/** One look at what a container uses; counters are since its start, what nobody counts is absent. */
export interface ContainerStatistics {
  id: string
  name: string
  /** without one, figures are those of its living processes, and nothing is limited */
  hasCgroup: boolean
  /** of one processor, since the last look; at the first one, since the start */
  cpuPercent: number
  averageCpuPercent: number
  cpuTimeUs: number
  upSeconds: number
  memoryBytes: number
  /** that of the machine where there is no lower one */
  memoryLimitBytes: number
  memoryPercent: number
  receivedBytes?: number
  sentBytes?: number
  readBytes?: number
  writtenBytes?: number
  pids: number
  pidsLimit?: number
  /** share of the last ten seconds in which something waited, in percent */
  pressure?: { cpu: number; memory: number; io: number }
}

export type CopyEnd =
  | { kind: 'container'; container: string; path: string }
  /** a path of this machine, as typed (its final `/` or `/.` matters) */
  | { kind: 'local'; path: string }
  /** a tar stream on standard input or output */
  | { kind: 'stream' }

export interface CopyRequest {
  source: CopyEnd
  destination: CopyEnd
  /** give files to the container's user (to a container), or to the caller (from one) */
  archive: boolean
  /** let a file replace a folder and the other way round */
  overwrite: boolean
}

export interface Change {
  kind: 'added' | 'changed' | 'deleted'
  path: string
}

export interface CommitOptions {
  author?: string
  message?: string
  /** Containerfile instructions as typed: `CMD /bin/sh`, `ENV A=b` */
  changes: string[]
  format: 'oci' | 'docker'
  /** the places of its mounts become VOLUMEs */
  includeVolumes: boolean
  /** one layer with all files, and none of the image's */
  squash: boolean
  /** its processes stand still while its files are read */
  pause: boolean
  onProgress?: OnProgress
}
