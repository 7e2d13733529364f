// pod start: the infra container, init containers one after the other, then the members at the same time.
import type { PodRecord } from '#container/pod/record.ts'
import { type ContainerId, containerDir } from '#container/record.ts'
import { readStatus } from '#container/state.ts'
import { startContainer } from '#engine/container/start.ts'
import { machineOf, type SeenContainer } from '#engine/container/survey.ts'
import type { PodOutcome, PodSelection } from '#engine/contracts/pod.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { membersOf, withoutInfra } from './find.ts'
import { forAllMembers, forEachPod } from './outcomes.ts'

/** The verb, for several pods one after the other. */
export async function startPods(selection: PodSelection): Promise<PodOutcome[]> {
  return await forEachPod(selection, startPod)
}

/** Starts what does not run; to a service manager, the infra container is the pod. Returns what failed, by container; a failing init container keeps the members from starting. */
export async function startPod(engine: Engine, pod: PodRecord): Promise<TspodError[]> {
  const members = withoutInfra(membersOf(engine, pod))
  if (pod.infraId === undefined && members.length === 0)
    throw new TspodError(
      'NOT_FOUND',
      `no containers in pod ${pod.id} have no dependencies, cannot start pod: no such container`,
      { hint: `add one: tspod run --pod ${pod.name} …` },
    )
  const isToWork = members.some(({ isRunning, record }) => !isRunning && record?.request.initCtr === undefined)
  if (pod.infraId !== undefined) await startContainer(engine, pod.infraId)
  if (isToWork) for (const seen of members) if (isInit(seen)) await runInit(engine, pod, seen)
  const ids = members.filter(seen => !isInit(seen)).map(({ id }) => id)
  return await forAllMembers(ids, 'starting', async id => {
    await startContainer(engine, id as ContainerId, { isDependency: pod.infraId !== undefined })
  })
}

function isInit({ record }: SeenContainer): boolean {
  return record?.request.initCtr !== undefined
}

/** Returns when it has ended well; `once` removes it then (podman-create(1), --init-ctr). */
async function runInit(engine: Engine, pod: PodRecord, { id, record }: SeenContainer): Promise<void> {
  const { waitContainers } = await import('#engine/container/wait.ts')
  await startContainer(engine, id, { isDependency: true })
  await waitContainers([id], {
    conditions: ['exited'],
    intervalMs: 50,
    ignoreMissing: false,
    firstMatch: false,
  })
  const { exit } = readStatus(containerDir(engine.graphRoot, id), machineOf(engine))
  const exitCode = exit?.exitCode ?? -1
  if (exitCode !== 0)
    throw new TspodError('CONFLICT', `init container ${record?.name ?? id} exited with code ${exitCode}`, {
      hint: `its output: tspod logs ${record?.name ?? id}; the members of pod ${pod.name} were not started`,
    })
  if (record?.request.initCtr !== 'once') return
  const { removeContainers } = await import('#engine/container/remove.ts')
  const outcomes = await removeContainers(
    { names: [id], all: false, filters: [], ignoreMissing: true },
    { force: false, volumes: true, depend: false },
  )
  for (const { error } of outcomes) if (error !== undefined) throw error
}
