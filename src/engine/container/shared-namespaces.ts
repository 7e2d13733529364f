// Namespaces of other containers that a running container is in: whether they are still those that their owners are in. An owner that was
// started again has new ones, and whoever runs on in the old ones has lost it.
import { readlinkSync } from 'node:fs'
import { findContainer } from '#container/name-index.ts'
import { type ContainerId, type ContainerRecord, containerDir, listRecords } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { isRunning, type Machine, readStatus } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { machineOf } from './survey.ts'

/** Requests of containers that share, and the files of these namespaces below /proc/PID/ns. */
const shareable = { network: 'net', pid: 'pid', ipc: 'ipc', uts: 'uts', cgroupns: 'cgroup', userns: 'user' } as const

export interface SharedNamespace {
  /** As /proc/PID/ns calls it. */
  namespace: string
  owner: ContainerId
  /** False where the owner has ended, or runs in another one by now. */
  isCurrent: boolean
}

/** For a container whose process 1 is `pid`. */
export function sharedNamespaces(engine: Engine, pid: number, request: ContainerRequest): SharedNamespace[] {
  return (Object.keys(shareable) as (keyof typeof shareable)[]).flatMap(key => {
    const mode = request[key]
    const owner = mode.kind === 'container' ? findOrNone(engine, mode.container) : undefined
    if (owner === undefined) return []
    const namespace = shareable[key]
    const ownerPid = runningPid(engine, owner, machineOf(engine))
    const isCurrent = ownerPid !== undefined && link(pid, namespace) === link(ownerPid, namespace)
    return [{ namespace, owner, isCurrent }]
  })
}

/** Names of the running containers that are still in namespaces which this one had before. */
export function leftBehind(engine: Engine, owner: ContainerId): string[] {
  const dependents = listRecords(engine.graphRoot).records.filter(({ dependsOn }) => dependsOn.includes(owner))
  return dependents.filter(record => isLeft(engine, record, owner)).map(({ name }) => name)
}

function isLeft(engine: Engine, { id, request }: ContainerRecord, owner: ContainerId): boolean {
  const pid = runningPid(engine, id, machineOf(engine))
  if (pid === undefined) return false
  return sharedNamespaces(engine, pid, request).some(shared => shared.owner === owner && !shared.isCurrent)
}

function runningPid({ graphRoot }: Engine, id: ContainerId, here: Machine): number | undefined {
  const report = readStatus(containerDir(graphRoot, id), here)
  return isRunning(report) ? report.state?.pid : undefined
}

function findOrNone({ graphRoot }: Engine, name: string): ContainerId | undefined {
  try {
    return findContainer(graphRoot, name)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'CONFLICT')) return undefined
    throw error
  }
}

/** `undefined` for a process that has just ended. */
function link(pid: number, namespace: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${namespace}`)
  } catch {
    return undefined
  }
}
