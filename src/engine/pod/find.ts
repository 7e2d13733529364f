// Pods by name or id, and the containers in them. Takes no lock.
import { findContainer, podOfName } from '#container/name-index.ts'
import { isPodId, listPodIds, type PodId, type PodRecord, readPod } from '#container/pod/record.ts'
import { type SeenContainer, surveyContainers } from '#engine/container/survey.ts'
import type { PodName } from '#engine/contracts/pod.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'

/** The pod of a name, id or beginning of an id, or the one created last. Throws NOT_FOUND or CONFLICT, in podman's words. */
export function findPod(engine: Engine, name: PodName): PodRecord {
  if (typeof name !== 'string') return latestPod(engine)
  const id = findPodId(engine, name)
  const record = id === undefined ? undefined : readPod(engine.graphRoot, id)
  if (record !== undefined) return record
  throw new TspodError('NOT_FOUND', `no pod with name or ID ${name} found: no such pod`, hintFor(engine, name))
}

function findPodId({ graphRoot }: Engine, text: string): PodId | undefined {
  const named = podOfName(graphRoot, text)
  if (named !== undefined) return named
  if (isPodId(text)) return text
  const matches = /^[0-9a-f]{1,63}$/.test(text) ? listPodIds(graphRoot).filter(id => id.startsWith(text)) : []
  if (matches.length > 1)
    throw new TspodError(
      'CONFLICT',
      `more than one result for ID or name ${text}: ${matches.length} ids begin so: pod already exists`,
    )
  return matches[0]
}

/** A container's name is an easy mistake. */
function hintFor({ graphRoot }: Engine, name: string): { hint?: string } {
  try {
    findContainer(graphRoot, name)
    return { hint: `"${name}" is a container` }
  } catch {
    return {}
  }
}

function latestPod(engine: Engine): PodRecord {
  const [latest] = listPodRecords(engine)
  if (latest === undefined) throw new TspodError('NOT_FOUND', 'no pods found: no such pod')
  return latest
}

/** Every pod, newest first. One whose record is damaged is said, and left out. */
export function listPodRecords({ graphRoot }: Engine): PodRecord[] {
  const records = listPodIds(graphRoot).flatMap(id => {
    try {
      return readPod(graphRoot, id) ?? []
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      log.warn(error.message)
      return []
    }
  })
  return records.toSorted((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? -1 : 1))
}

/** The containers of a pod, infra container included, in order of creation. */
export function membersOf(engine: Engine, { id }: Pick<PodRecord, 'id'>): SeenContainer[] {
  return byPod(surveyContainers(engine)).get(id) ?? []
}

/** The containers of each pod, in order of creation. */
export function byPod(containers: readonly SeenContainer[]): Map<PodId, SeenContainer[]> {
  const found = new Map<PodId, SeenContainer[]>()
  const createdMs = ({ record }: SeenContainer) => record?.createdMs ?? 0
  for (const seen of containers.toSorted((a, b) => createdMs(a) - createdMs(b))) {
    const pod = seen.record?.pod?.id
    if (pod !== undefined) found.set(pod, [...(found.get(pod) ?? []), seen])
  }
  return found
}

/** The members alone. */
export function withoutInfra(containers: readonly SeenContainer[]): SeenContainer[] {
  return containers.filter(({ record }) => record?.pod?.isInfra !== true)
}
