// Inputs and outputs of the volume verbs.
import type { LabelFilter } from './container.ts'

export interface VolumeRequest {
  /** absent: 64 random hex digits */
  name?: string
  driver: string
  labels: Record<string, string>
  options: Record<string, string>
  uid?: number
  gid?: number
  /** an existing one is fine */
  ignoreExisting: boolean
}

export type VolumeFilter =
  | LabelFilter
  | { key: 'name' | 'driver' | 'scope' | 'opt'; value: string }
  | { key: 'dangling'; value: boolean }
  | { key: 'until' | 'since'; atMs: number }

export interface VolumeSummary {
  name: string
  driver: string
  mountpoint: string
  createdMs: number
  labels: Record<string, string>
  options: Record<string, string>
  scope: 'local'
  uid: number
  gid: number
  anonymous: boolean
  /** containers that use it */
  mountCount: number
}

export interface RemoveVolumeOptions {
  all: boolean
  /** containers that use it go too */
  force: boolean
  timeoutSeconds?: number
}

export interface PruneVolumeOptions {
  filters: VolumeFilter[]
  /** named ones too, not only anonymous ones */
  all: boolean
  dryRun: boolean
}
