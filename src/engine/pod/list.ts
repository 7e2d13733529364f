// pod ps, pod exists, and what `pod inspect` tells. Takes no lock.
import type { PodRecord } from '#container/pod/record.ts'
import { podStatus } from '#container/pod/status.ts'
import { isLost } from '#container/state.ts'
import { hasLabel, patternOf } from '#engine/container/filter.ts'
import { type SeenContainer, surveyContainers } from '#engine/container/survey.ts'
import type { PodFilter, PodMemberSummary, PodName, PodSummary } from '#engine/contracts/pod.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { byPod, findPod, listPodRecords } from './find.ts'

/** The verb: newest first. */
export async function listPods(query: { filters: PodFilter[]; latest: boolean }): Promise<PodSummary[]> {
  const engine = await openEngine()
  const records = listPodRecords(engine)
  if (records.length === 0) return []
  const containers = byPod(await settled(engine, surveyContainers(engine)))
  const pods = (query.latest ? records.slice(0, 1) : records).map(record =>
    summarize(engine, record, containers.get(record.id) ?? []),
  )
  const tests = testsOf(query.filters)
  return pods.filter(pod => tests.every(group => group.some(test => test(pod))))
}

/** The verb. A prefix that fits several pods is an error. */
export async function podExists(name: string): Promise<boolean> {
  try {
    findPod(await openEngine(), name)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}

/** Ids of the containers of pods that run, for verbs that look into them. */
export async function membersOfPods(names: readonly PodName[], isRunningOnly: boolean): Promise<PodMember[]> {
  const engine = await openEngine()
  const containers = byPod(surveyContainers(engine))
  return names.flatMap(name =>
    (containers.get(findPod(engine, name).id) ?? [])
      .filter(({ isRunning }) => isRunning || !isRunningOnly)
      .map(seen => ({
        id: seen.id,
        name: seen.record?.name ?? '',
        isInfra: seen.record?.pod?.isInfra === true,
        podId: seen.record?.pod?.id ?? '',
        sharesProcesses: seen.record?.request.pid.kind === 'container',
      })),
  )
}

/** Ids of all pods. */
export async function podIds(): Promise<string[]> {
  return listPodRecords(await openEngine()).map(({ id }) => id)
}

export interface PodMember {
  id: string
  name: string
  isInfra: boolean
  podId: string
  /** it is in another container's pid namespace */
  sharesProcesses: boolean
}

/** Those whose end nobody has recorded are rare. */
async function settled(engine: Engine, containers: SeenContainer[]): Promise<SeenContainer[]> {
  if (!containers.some(({ report }) => isLost(report))) return containers
  return await (await import('#engine/container/settle.ts')).settleSeen(engine, containers)
}

export function summarize(engine: Engine, record: PodRecord, members: readonly SeenContainer[]): PodSummary {
  const { id, name, createdMs, request, infraId = '' } = record
  return {
    id,
    name,
    createdMs,
    status: podStatus(members.map(({ status }) => status)),
    labels: request.labels,
    infraId,
    networks: networksOf(engine, record),
    cgroup: request.cgroupParent ?? '',
    share: infraId === '' ? [] : request.share,
    containers: members.map(memberOf),
  }
}

function memberOf({ id, status, record, report }: SeenContainer): PodMemberSummary {
  const restarts = report.state?.restarts ?? report.exit?.restarts ?? 0
  return { id, name: record?.name ?? '', status, restarts }
}

function networksOf({ config }: Engine, { request }: PodRecord): string[] {
  if (request.infra?.network.kind !== 'networks') return []
  return request.infra.network.networks.map(({ name }) => (name === 'bridge' ? config.network.defaultNetwork : name))
}

type Test = (pod: PodSummary) => boolean

/** Of filters with the same key any must match, of different keys and labels all (podman-pod-ps(1), --filter). */
function testsOf(filters: readonly PodFilter[]): Test[][] {
  const groups = new Map<string, Test[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), testOf(filter)])
  }
  return [...groups.values()]
}

function testOf(filter: PodFilter): Test {
  switch (filter.key) {
    case 'label':
      return ({ labels }) => hasLabel(labels, filter)
    case 'id':
      return ({ id }) => id.startsWith(filter.value)
    case 'name': {
      const pattern = patternOf(filter.key, filter.value)
      return ({ name }) => pattern.test(name)
    }
    case 'network':
      return ({ networks }) => networks.includes(filter.value)
    case 'ctr-ids':
      return ({ containers }) => containers.some(({ id }) => id.startsWith(filter.value))
    case 'ctr-names': {
      const pattern = patternOf(filter.key, filter.value)
      return ({ containers }) => containers.some(({ name }) => pattern.test(name))
    }
    case 'status':
      return ({ status }) => status === filter.status
    case 'ctr-status':
      return ({ containers }) => containers.some(({ status }) => status === filter.status)
    case 'ctr-number':
      return ({ containers }) => containers.length === filter.count
    case 'until':
      return ({ createdMs }) => createdMs < filter.beforeMs
  }
}
