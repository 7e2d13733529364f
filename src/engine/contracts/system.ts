// Inputs and outputs of the system verbs.
import type { ContainerFilter, ContainerStatus } from './container.ts'
import type { ImageFilter } from './image.ts'
import type { VolumeFilter } from './volume.ts'

/** podman-info(1)'s JSON; printed and templated as it is. */
export type SystemInfo = Record<string, unknown>

/** podman-version(1)'s keys under `Client`. */
export interface VersionReport {
  Version: string
  APIVersion: string
  /** the JavaScript engine and its version */
  Runtime: string
  GitCommit: string
  BuiltTime: string
  /** seconds since 1970 */
  Built: number
  OsArch: string
  Os: string
}

export interface Check {
  name: string
  status: 'ok' | 'warn' | 'fail' | 'skip'
  found: string
  why: string
  mend?: { command: string; who: 'you' | 'administrator' }
}

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'pod' | 'system'

/** One line of the journal. */
export interface EngineEvent {
  /** nanoseconds since 1970 as text: a number cannot hold them */
  timeNano: string
  type: EventType
  /** `create`, `start`, `died`, `pull` … (podman-events(1)) */
  status: string
  id: string
  name: string
  image?: string
  exitCode?: number
  attributes: Record<string, string>
}

/** Same key: any may match; different keys: all must. */
export interface EventFilter {
  key: 'container' | 'image' | 'volume' | 'pod' | 'event' | 'type' | 'label'
  value: string
}

export interface EventQuery {
  filters: EventFilter[]
  sinceMs?: number
  untilMs?: number
  /** past events too where no `since` is given */
  fromStart: boolean
  /** wait for new ones */
  follow: boolean
  signal?: AbortSignal
}

/** One thing a prune removed or would remove. */
export interface Pruned {
  id: string
  reclaimedBytes: number
  error?: Error
}

export interface SystemPruneOptions {
  /** every unused image, not only dangling ones */
  all: boolean
  volumes: boolean
  containerFilters: ContainerFilter[]
  imageFilters: ImageFilter[]
  volumeFilters: VolumeFilter[]
}

export interface SystemPruned {
  /** with all their containers; none where containers are filtered */
  pods: Pruned[]
  containers: Pruned[]
  images: Pruned[]
  volumes: Pruned[]
  reclaimedBytes: number
}

export interface DiskUsage {
  images: {
    id: string
    repository: string
    tag: string
    createdMs: number
    sizeBytes: number
    sharedBytes: number
    uniqueBytes: number
    containers: number
  }[]
  containers: {
    id: string
    image: string
    command: string[]
    localVolumes: number
    sizeBytes: number
    writableBytes: number
    createdMs: number
    status: ContainerStatus
    name: string
  }[]
  volumes: { name: string; links: number; sizeBytes: number; reclaimableBytes: number }[]
}

export interface CheckOptions {
  /** leave out what reads every byte (digests) */
  quick: boolean
  repair: boolean
  /** also remove containers that cannot be repaired */
  force: boolean
  /** unreferenced layers younger than this are left alone */
  maxAgeMs?: number
}

export interface StoreProblem {
  /** `layer`, `image`, `container`, `volume`, `staging` … */
  kind: string
  id: string
  /** what is wrong, and what was found */
  problem: string
  repaired: boolean
}
