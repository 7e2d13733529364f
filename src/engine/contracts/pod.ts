// Inputs and outputs of the pod verbs: data only, times in milliseconds since 1970, ids in full (64 hex digits).
import type { PodRecord } from '#container/pod/record.ts'
import type { PodNamespace, PodRequest } from '#container/pod/request.ts'
import type { PodStatus } from '#container/pod/status.ts'
import type { SeenContainer } from '#engine/container/survey.ts'
import type { Engine } from '#engine/open.ts'
import type { TspodError } from '#errors.ts'
import type { ContainerStatus, LabelFilter, StopOptions } from './container.ts'
import type { PullOptions } from './image.ts'

/** A name, a full id or an unambiguous prefix; `{ latest: true }` is the one created last. */
export type PodName = string | { latest: true }

export type PodFilter =
  | LabelFilter
  | { key: 'id' | 'name' | 'network' | 'ctr-ids' | 'ctr-names'; value: string }
  | { key: 'status'; status: PodStatus }
  | { key: 'ctr-status'; status: ContainerStatus }
  | { key: 'ctr-number'; count: number }
  | { key: 'until'; beforeMs: number }

/** Which pods a verb is for. The verb decides what `all` means for it. */
export interface PodSelection {
  names: PodName[]
  all: boolean
  /** a missing name is no error (`--ignore`) */
  ignoreMissing: boolean
}

/** What became of one chosen pod; its members each may have failed. */
export interface PodOutcome {
  /** as typed */
  input: string
  id?: string
  errors: TspodError[]
}

export interface PodMemberSummary {
  id: string
  name: string
  status: ContainerStatus
  restarts: number
}

export interface PodSummary {
  id: string
  name: string
  createdMs: number
  status: PodStatus
  labels: Record<string, string>
  /** '' without one */
  infraId: string
  networks: string[]
  /** where control groups of its containers are made, '' where nobody said */
  cgroup: string
  share: PodNamespace[]
  /** infra container included, in order of creation */
  containers: PodMemberSummary[]
}

/**
 * What other verbs of the engine, such as `kube play`, do with pods; the comment names the file below `src/engine/pod/`. A member is made
 * by `buildContainer` from a request with `pod` (and `initCtr` for an init container), and need not be started by itself.
 */
export interface PodParts {
  /** create.ts: the pod and its infra container, nothing runs yet; on failure nothing stays. CONFLICT where the name is taken */
  createPod(engine: Engine, request: PodRequest, pull: PullOptions): Promise<PodRecord>
  /** find.ts: by name, id or beginning of an id. NOT_FOUND, CONFLICT */
  findPod(engine: Engine, name: PodName): PodRecord
  /** find.ts: every pod, newest first */
  listPodRecords(engine: Engine): PodRecord[]
  /** find.ts: its containers, infra container included, in order of creation */
  membersOf(engine: Engine, pod: PodRecord): SeenContainer[]
  /** start.ts: infra container, init containers one after the other until each has ended with 0, members; what failed, by container */
  startPod(engine: Engine, pod: PodRecord): Promise<TspodError[]>
  /** stop.ts: members, then the infra container */
  stopPod(engine: Engine, pod: PodRecord, options: StopOptions): Promise<TspodError[]>
  /** remove.ts: throws IN_USE, and removes nothing, where members run and `force` is not given */
  removePod(engine: Engine, pod: PodRecord, options: RemovePodOptions): Promise<void>
}

export interface RemovePodOptions extends StopOptions {
  force: boolean
}
