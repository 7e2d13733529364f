// Namespaces that a container shares with others: whose they are, and as which files they are joined.

import type { JoinedNamespaces } from '#container/inputs.ts'
import { findContainer } from '#container/name-index.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import type { ContainerRequest, NamespaceMode, NetworkRequest, UsernsMode } from '#container/request.ts'
import { isRunning, readStatus, thisMachine } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'

export interface JoinedContainers {
  paths: JoinedNamespaces
  /** Whose namespaces they are: these cannot be removed before this container. */
  ids: ContainerId[]
  /** The infra container of its pod, where that does not run yet: the paths say nothing then, but it runs before this one starts. */
  waitsFor?: ContainerId
  /** What is joined belongs to the user's namespace itself (`--userns host`), which is no other container's. */
  isInOurs?: true
}

/**
 * Finds the processes behind `container:NAME` and `ns:PATH`. Whoever shares a namespace of another container is in the user
 * namespace that owns it; two different owners at once are refused (user_namespaces(7)).
 */
export function joinNamespaces(engine: Engine, request: ContainerRequest): JoinedContainers {
  const paths: JoinedNamespaces = {}
  const ids = new Set<ContainerId>()
  let waitsFor: ContainerId | undefined
  const owners = new Map<ContainerId, number>()
  const join = (
    kind: keyof JoinedNamespaces,
    file: string,
    mode: NamespaceMode | NetworkRequest | UsernsMode,
  ): void => {
    if (mode.kind === 'path') paths[kind] = mode.path
    if (mode.kind !== 'container') return
    const id = findContainer(engine.graphRoot, mode.container)
    const pid = runningPid(engine, id, mode.container, request.pod !== undefined)
    if (pid === NOT_YET) waitsFor = id
    ids.add(id)
    owners.set(id, pid)
    paths[kind] = `/proc/${pid}/ns/${file}`
    if (kind === 'ipc') paths.shm = `/proc/${pid}/root/dev/shm`
  }
  join('pid', 'pid', request.pid)
  join('ipc', 'ipc', request.ipc)
  join('uts', 'uts', request.uts)
  join('cgroup', 'cgroup', request.cgroupns)
  join('network', 'net', request.network)
  const isOfHostUser = request.userns.kind === 'container' && isHostUser(engine, request.userns.container)
  if (!isOfHostUser) join('user', 'user', request.userns)
  const [first, second] = [...owners]
  if (first !== undefined && second !== undefined)
    throw new TspodError(
      'INVALID',
      `namespaces of two containers, ${first[0].slice(0, 12)} and ${second[0].slice(0, 12)}, are asked for`,
      {
        hint: 'a container can be in one user namespace only, so all shared namespaces must be of one container',
      },
    )
  const isInOurs = isOfHostUser || (first !== undefined && isHostUser(engine, first[0]))
  if (first !== undefined && !isInOurs) paths.user ??= `/proc/${first[1]}/ns/user`
  return {
    paths,
    ids: [...ids],
    ...(waitsFor !== undefined && { waitsFor }),
    ...(isInOurs && { isInOurs: true as const }),
  }
}

/** It has no user namespace that could be joined. */
function isHostUser({ graphRoot }: Engine, name: string): boolean {
  return readRecord(graphRoot, findContainer(graphRoot, name)).request.userns.kind === 'host'
}

/** No process has this number: what is looked up by it is not there. */
const NOT_YET = 0

/** `mayWait`: the infra container of a pod is one that will run. */
function runningPid(engine: Engine, id: ContainerId, name: string, mayWait: boolean): number {
  const report = readStatus(containerDir(engine.graphRoot, id), thisMachine(engine.graphRoot))
  if (mayWait && !isRunning(report) && readRecord(engine.graphRoot, id).pod?.isInfra === true) return NOT_YET
  if (!isRunning(report) || report.state === undefined)
    throw new TspodError(
      'CONFLICT',
      `sharing a namespace of container "${name}": it is ${report.status}, must be running`,
      {
        hint: `start it with: tspod start ${name}`,
      },
    )
  return report.state.pid
}
