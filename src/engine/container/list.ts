// ps: containers in short. Takes no lock; of containers that do not run, nothing is read that was not asked for.
import { readlinkSync } from 'node:fs'
import { type ContainerRecord, readRecord } from '#container/record.ts'
import { isLost } from '#container/state.ts'
import type { ContainerQuery, ContainerSummary, NamespaceInodes, PublishedPort } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { errnoOf, hasCode } from '#errors.ts'
import { healthOf } from './health.ts'
import { namesOfNetworks } from './network-names.ts'
import { newestFirst } from './select.ts'
import { onlyActive, type SeenContainer, surveyContainers, surveyMarked } from './survey.ts'

/** The verb: the running ones, or all; newest first. */
export async function listContainers(query: ContainerQuery): Promise<ContainerSummary[]> {
  const engine = await openEngine()
  const chosen = await chooseContainers(engine, query)
  const sizes = query.size ? await (await import('./sizes.ts')).measureContainers(engine, chosen) : undefined
  return chosen.map(container => ({
    ...summarize(engine, container),
    ...(query.namespaces && { namespaces: readNamespaces(container) }),
    ...(sizes !== undefined && { size: sizes.get(container.id) }),
  }))
}

async function chooseContainers(engine: Engine, { all, last, filters }: ContainerQuery): Promise<SeenContainer[]> {
  const survey =
    all || last !== undefined
      ? await settled(engine, surveyContainers(engine))
      : onlyActive(await settled(engine, surveyMarked(engine)))
  const candidates = newestFirst(survey)
  if (filters.length === 0) return candidates.slice(0, last)
  const { filterContainers } = await import('./filter.ts')
  return (await filterContainers(engine, candidates, filters)).slice(0, last)
}

/** Those whose end nobody has recorded are rare: what deals with them is loaded only then. */
async function settled(engine: Engine, containers: SeenContainer[]): Promise<SeenContainer[]> {
  if (!containers.some(({ report }) => isLost(report))) return containers
  const { settleSeen } = await import('./settle.ts')
  return await settleSeen(engine, containers)
}

function summarize(engine: Engine, container: SeenContainer): ContainerSummary {
  const { id, report, status, record, isRunning } = container
  const { state, exit } = report
  return {
    id,
    names: record === undefined ? [] : [record.name],
    image: record?.image?.name ?? record?.request.rootfs ?? '',
    imageId: record?.image?.id ?? '',
    command: record === undefined ? [] : commandOf(record),
    createdMs: record?.createdMs ?? 0,
    status,
    ...(state !== undefined && { startedMs: Date.parse(state.startedAt) }),
    ...(exit !== undefined && { exitedMs: Date.parse(exit.finishedAt), exitCode: exit.exitCode }),
    ...(record?.healthcheck !== undefined && { health: healthOf(container) }),
    pid: isRunning ? (state?.pid ?? 0) : 0,
    autoRemove: record?.request.remove ?? false,
    labels: record?.labels ?? {},
    mounts: record?.mounts.map(({ destination }) => destination) ?? [],
    networks: namesOfNetworks(engine, record),
    ports: portsOf(engine, record),
    ...(record?.pod !== undefined && {
      pod: { id: record.pod.id, name: record.pod.name, isInfra: record.pod.isInfra === true },
    }),
    restarts: state?.restarts ?? exit?.restarts ?? 0,
    ...(status === 'elsewhere' && state !== undefined && { machine: state.machineId }),
  }
}

/** Its own, or those of the infra container whose network it shares. */
function portsOf({ graphRoot }: Engine, record: ContainerRecord | undefined): PublishedPort[] {
  const infraId = record?.pod?.infraId
  if (record?.network.kind !== 'container' || infraId === undefined || record.network.container !== infraId)
    return record?.ports ?? []
  try {
    return readRecord(graphRoot, infraId).ports ?? []
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'INVALID')) return []
    throw error
  }
}

/** What runs in it: entry point and arguments. */
export function commandOf({ entrypoint, command }: ContainerRecord): string[] {
  return [...entrypoint, ...command]
}

/** The inode numbers of its process's namespaces, '' where they cannot be seen. */
function readNamespaces({ isRunning, report: { state } }: SeenContainer): NamespaceInodes {
  const inode = (name: string) => (isRunning && state !== undefined ? readInode(`/proc/${state.pid}/ns/${name}`) : '')
  return {
    cgroup: inode('cgroup'),
    ipc: inode('ipc'),
    mnt: inode('mnt'),
    net: inode('net'),
    pid: inode('pid'),
    user: inode('user'),
    uts: inode('uts'),
  }
}

/** `pid:[4026531836]` */
function readInode(link: string): string {
  try {
    return /\[(\d+)\]/.exec(readlinkSync(link))?.[1] ?? ''
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ESRCH'].includes(errnoOf(error) ?? '')) return ''
    throw error
  }
}
