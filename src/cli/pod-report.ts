// A pod as `pod ps` tells of it: words for people, fields for templates, podman's JSON (podman-pod-ps(1)). Pure.
import type { PodSummary } from '#engine/contracts/pod.ts'
import { timeAgo } from './format/durations.ts'

export const podReport = {
  fields:
    `ID Id Name Status Created Labels InfraID NumberOfContainers ContainerIds ContainerNames ContainerStatuses Restarts
    Networks Cgroup Namespaces Containers`.split(/\s+/),
  headings: {
    ID: 'POD ID',
    Id: 'POD ID',
    InfraID: 'INFRA ID',
    NumberOfContainers: '# OF CONTAINERS',
    ContainerIds: 'IDS',
    ContainerNames: 'NAMES',
    ContainerStatuses: 'STATUS',
  },
}

/** `Running` */
export function statusWord({ status }: Pick<PodSummary, 'status'>): string {
  return status.charAt(0).toUpperCase() + status.slice(1)
}

/** The element of `pod ps --format json`. */
export function podJson(pod: PodSummary): Record<string, unknown> {
  return {
    Cgroup: pod.cgroup,
    Containers: pod.containers.map(({ id, name, status, restarts }) => ({
      Id: id,
      Names: name,
      Status: status,
      RestartCount: restarts,
    })),
    Created: new Date(pod.createdMs).toISOString(),
    Id: pod.id,
    InfraId: pod.infraId,
    Name: pod.name,
    Namespace: '',
    Networks: pod.networks,
    Status: statusWord(pod),
    Labels: pod.labels,
  }
}

/** The fields of templates and the cells of the table. */
export function podRow(pod: PodSummary, nowMs: number, full: boolean): Record<string, unknown> {
  const short = (id: string) => (full ? id : id.slice(0, 12))
  const { containers } = pod
  return {
    Id: short(pod.id),
    ID: short(pod.id),
    Name: pod.name,
    Status: statusWord(pod),
    Created: timeAgo(pod.createdMs, nowMs),
    Labels: pod.labels,
    Label: (name: string) => pod.labels[name] ?? '',
    InfraID: short(pod.infraId),
    NumberOfContainers: containers.length,
    ContainerIds: containers.map(({ id }) => short(id)).join(','),
    ContainerNames: containers.map(({ name }) => name).join(','),
    ContainerStatuses: containers.map(({ status }) => status).join(','),
    Restarts: containers.reduce((sum, { restarts }) => sum + restarts, 0),
    Networks: pod.networks.join(','),
    Cgroup: pod.cgroup,
    Namespaces: pod.share.join(','),
    Containers: containers,
  }
}
