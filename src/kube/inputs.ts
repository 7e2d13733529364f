// What a translation of Kubernetes objects needs besides them, and what it comes to. Pure.
import type { PodRequest } from '#container/pod/request.ts'
import type { ContainerRequest, NetworkRequest, UsernsMode } from '#container/request.ts'
import type { PortRequest } from '#network/ports/mapping.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'
import type { KubeDataSets } from './data.ts'

/** The options of `kube play` that shape what is made. */
export interface PlayShape {
  annotations: Record<string, string>
  /** one of each for every pod, in their order */
  ips: string[]
  macs: string[]
  logDriver?: string
  logOpts: Record<string, string>
  /** absent: the network of all that is played, unless the object says `hostNetwork` */
  network?: NetworkRequest
  noHosts: boolean
  /** containers are called as in the object, without the pod's name before it */
  noPodPrefix: boolean
  /** take the place of the object's own for the same container port */
  publish: PortRequest[]
  /** what has no host port is published on the same one */
  publishAll: boolean
  /** where `localhostProfile` of seccomp lies */
  seccompRoot: string
  softLimits: boolean
  userns?: UsernsMode
}

/** This machine, for `resourceFieldRef` of a container without the limit. */
export interface MachineSize {
  processors: number
  memoryBytes: number
}

export interface PlayInputs {
  shape: PlayShape
  machine: MachineSize
  data: KubeDataSets
  warn: (text: string) => void
}

/** What must be on this machine before a pod can be made, of `hostPath`. */
export interface HostPathCheck {
  path: string
  type: 'Directory' | 'DirectoryOrCreate' | 'File' | 'FileOrCreate' | 'Socket' | 'CharDevice' | 'BlockDevice'
  /** where it is asked for, for messages */
  place: string
}

/** A volume that goes with its pod: empty at first, or files that nobody writes to. */
export interface PodVolume {
  name: string
  /** the field of the pod, for messages */
  place: string
  /** absent: an empty one that all may write to */
  files?: { path: string; bytes: Uint8Array; mode: number }[]
}

export interface ContainerPlan {
  request: ContainerRequest
  /** what it would like to have: applied where that can be enforced, and no error where it cannot */
  wishes?: ResourcesSpec
  /** the field that says `runAsNonRoot`, where the user is the image's */
  nonRootPlace?: string
  /** variables that get the pod's id */
  podIdVariables: string[]
}

export interface PodPlan {
  /** `web` */
  name: string
  request: PodRequest
  /** init containers first, each group in its order */
  containers: ContainerPlan[]
  hostPaths: HostPathCheck[]
  volumes: PodVolume[]
}

/** A volume of its own, of a PersistentVolumeClaim. */
export interface ClaimPlan {
  name: string
  labels: Record<string, string>
  driver: string
  options: Record<string, string>
  uid?: number
  gid?: number
}

export interface PlayPlan {
  claims: ClaimPlan[]
  pods: PodPlan[]
}
