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
  /** The one of them that does not run: the paths are placeholders, and whoever starts this container starts that one first. */
  waitsFor: ContainerId | undefined
  /** What is joined belongs to the user's namespace itself (`--userns host`), which is no other container's. */
  isInOurs: boolean
}

/** No process has this number: to open a file of its namespaces is ENOENT. */
const NOBODY = 0

/**
 * Finds the processes behind `container:NAME` and `ns:PATH`. Whoever shares a namespace of another container is in the user
 * namespace that owns it; two different owners at once are refused (user_namespaces(7)).
 */
export function joinNamespaces(engine: Engine, request: ContainerRequest): JoinedContainers {
  const paths: JoinedNamespaces = {}
  const ids = new Set<ContainerId>()
  const owners = new Map<ContainerId, number | undefined>()
  const join = (
    kind: keyof JoinedNamespaces,
    file: string,
    mode: NamespaceMode | NetworkRequest | UsernsMode,
  ): void => {
    if (mode.kind === 'path') paths[kind] = mode.path
    if (mode.kind !== 'container') return
    const id = findContainer(engine.graphRoot, mode.container)
    const process = owners.has(id) ? owners.get(id) : runningPid(engine, id)
    ids.add(id)
    owners.set(id, process)
    const pid = process ?? NOBODY
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
  if (first === undefined) return { paths, ids: [], waitsFor: undefined, isInOurs: isOfHostUser }
  const [owner, pid] = first
  const isInOurs = isOfHostUser || isHostUser(engine, owner)
  if (!isInOurs) paths.user ??= `/proc/${pid ?? NOBODY}/ns/user`
  return { paths, ids: [...ids], waitsFor: pid === undefined ? owner : undefined, isInOurs }
}

/** It has no user namespace that could be joined. */
function isHostUser({ graphRoot }: Engine, name: string): boolean {
  return readRecord(graphRoot, findContainer(graphRoot, name)).request.userns.kind === 'host'
}

/** For a container whose process is to be made now. Throws CONFLICT where another one would have to run, and does not. */
export function requireOwner({ graphRoot }: Engine, { waitsFor }: Pick<JoinedContainers, 'waitsFor'>): void {
  if (waitsFor === undefined) return
  const { name } = readRecord(graphRoot, waitsFor)
  const { status } = readStatus(containerDir(graphRoot, waitsFor), thisMachine(graphRoot))
  throw new TspodError('CONFLICT', `sharing a namespace of container "${name}": it is ${status}, must be running`, {
    hint: `start it with: tspod start ${name}`,
  })
}

/** The request with other containers by their ids: a name may be another container's tomorrow. Throws NOT_FOUND. */
export function withOwnerIds({ graphRoot }: Engine, request: ContainerRequest): ContainerRequest {
  const byId = <Mode extends NamespaceMode | NetworkRequest | UsernsMode>(mode: Mode): Mode =>
    mode.kind === 'container' ? { ...mode, container: findContainer(graphRoot, mode.container) } : mode
  return {
    ...request,
    pid: byId(request.pid),
    ipc: byId(request.ipc),
    uts: byId(request.uts),
    cgroupns: byId(request.cgroupns),
    network: byId(request.network),
    userns: byId(request.userns),
  }
}

/** Its process 1; `undefined` where it does not run. */
function runningPid({ graphRoot }: Engine, id: ContainerId): number | undefined {
  const report = readStatus(containerDir(graphRoot, id), thisMachine(graphRoot))
  return isRunning(report) ? report.state?.pid : undefined
}
