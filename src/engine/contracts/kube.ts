// Inputs and outputs of the kube verbs: data only.
import type { PlayShape } from '#kube/inputs.ts'
import type { PullOptions } from './image.ts'

export type { PlayShape } from '#kube/inputs.ts'

export interface PlayRequest {
  /** paths, `-` for standard input: as if they were one file */
  files: string[]
  /** files with ConfigMaps */
  configMaps: string[]
  shape: PlayShape
  /** pods of these names are removed first */
  replace: boolean
  start: boolean
  /** absent: an image is built where it is not there and its folder is */
  build?: boolean
  /** absolute; where the folders of images lie, and what they are built from */
  contextDir?: string
  pull: PullOptions
  /** what is passed over, and what builds say */
  onWarning: (text: string) => void
  onBuildOutput: (chunk: Uint8Array) => void
}

export interface PlayedPod {
  id: string
  name: string
  /** without the infra container; init containers that have run are gone */
  containers: string[]
}

export interface Played {
  /** volumes of claims */
  volumes: string[]
  pods: PlayedPod[]
}

/** What `kube down` took away. */
export interface PlayedDown {
  stopped: string[]
  removed: string[]
  volumes: string[]
}

export interface GenerateKubeOptions {
  type: 'pod' | 'deployment' | 'daemonset' | 'job'
  /** a Service for what is published too */
  service: boolean
  /** of a deployment */
  replicas?: number
  /** what has no place in the file */
  onWarning: (text: string) => void
}

/** What the exit codes of a play's containers make of its own. */
export type ExitCodePropagation = 'all' | 'any' | 'none'

export interface WaitForPlayedOptions {
  propagation: ExitCodePropagation
  /** the socket of a service manager that is to hear that all is up */
  manager?: string
  /** takes all away at once */
  stop: AbortSignal
}
