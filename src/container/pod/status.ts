// What a pod is, from what its containers are (podman-pod-ps(1), STATUS). Pure.
import type { StatusReport } from '#container/state.ts'

type ContainerStatus = StatusReport['status'] | 'unknown'

/** podman's words, in small letters. */
export type PodStatus = 'created' | 'running' | 'degraded' | 'paused' | 'stopped' | 'exited' | 'error'

/** What podman counts a container as. */
const counted: Record<ContainerStatus, 'created' | 'running' | 'paused' | 'stopped' | 'error'> = {
  created: 'created',
  running: 'running',
  stopping: 'running',
  elsewhere: 'running',
  paused: 'paused',
  restarting: 'stopped',
  exited: 'stopped',
  removing: 'stopped',
  unknown: 'error',
}

export function podStatus(members: readonly ContainerStatus[]): PodStatus {
  const count = (state: (typeof counted)[ContainerStatus]) => members.filter(each => counted[each] === state).length
  const total = members.length
  if (total === 0) return 'created'
  if (count('running') === total) return 'running'
  if (count('running') > 0) return 'degraded'
  if (count('paused') === total) return 'paused'
  if (count('stopped') === total) return 'exited'
  if (count('stopped') > 0) return 'stopped'
  return count('error') > 0 ? 'error' : 'created'
}
