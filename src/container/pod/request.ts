// What a user asked for when creating a pod: the options of pod-create(1), parsed but not yet decided. Pure data, JSON-serialisable.
import type { ContainerRequest } from '#container/request.ts'
import type { RestartPolicy } from '#container/restart-policy.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'

/** The namespaces of the infra container that members may be in, in the order of podman. */
export const podNamespaces = ['cgroup', 'ipc', 'net', 'pid', 'uts'] as const
export type PodNamespace = (typeof podNamespaces)[number]

/** What becomes of a pod when the last of its members has ended: it goes on, or its infra container is stopped. */
export type ExitPolicy = 'continue' | 'stop'

export interface PodRequest {
  /** absent: a random one */
  name?: string
  labels: Record<string, string>
  /** `--share`; nothing where there is no infra container */
  share: PodNamespace[]
  /**
   * The infra container as `create` would be asked for it: network, ports, name servers, user namespace, hostname (absent: the pod's
   * name), volumes of all members. Without image and rootfs it is the built-in pause program; its name, where absent, is made of the
   * pod's id. Absent for `--infra=false`.
   */
  infra?: ContainerRequest
  exitPolicy: ExitPolicy
  /** of members that say nothing themselves */
  restart?: RestartPolicy
  /** limits of all members together */
  resources?: ResourcesSpec
  cgroupParent?: string
  /** members' control groups lie in that of the pod */
  shareParent: boolean
  /** absolute */
  podIdFile?: string
  /** `--infra-conmon-pidfile`, absolute: gets the pid of the infra container's monitor whenever that starts */
  monitorPidFile?: string
  /** takes the place of a pod of this name */
  replace: boolean
  createCommand?: string[]
}
