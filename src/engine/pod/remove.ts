// pod rm, pod prune: the members, then the infra container, with which the pod is gone, then its name and folder.
import { withPodLock } from '#container/pod/lock.ts'
import type { PodRecord } from '#container/pod/record.ts'
import { isAllowed } from '#container/state.ts'
import { removeContainers } from '#engine/container/remove.ts'
import type { SeenContainer } from '#engine/container/survey.ts'
import type { PodOutcome, PodSelection, RemovePodOptions } from '#engine/contracts/pod.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { disposePod, sweepPods } from './dispose.ts'
import { listPodRecords, membersOf, withoutInfra } from './find.ts'
import { failures, forEachPod } from './outcomes.ts'
import { stopPod } from './stop.ts'

/** The verb, for several pods one after the other. */
export async function removePods(selection: PodSelection, options: RemovePodOptions): Promise<PodOutcome[]> {
  const outcomes = await forEachPod(selection, async (engine, pod) => {
    await removePod(engine, pod, options)
    return []
  })
  sweepPods(await openEngine())
  return outcomes
}

/** All of it. Throws IN_USE, and removes nothing, where members run and `force` is not given. */
export async function removePod(engine: Engine, pod: PodRecord, options: RemovePodOptions): Promise<void> {
  const { force, timeoutSeconds } = options
  const running = withoutInfra(membersOf(engine, pod)).filter(({ status }) => !isAllowed('remove', status))
  if (running.length > 0 && !force) throw stillRunning(pod, running)
  // whatever waits is done before the lock is taken
  const errors = await stopPod(engine, pod, { timeoutSeconds })
  if (errors[0] !== undefined) throw errors[0]
  try {
    await withPodLock(engine.graphRoot, pod.id, async () => await removeHeld(engine, pod, options))
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error // somebody else has removed it
    return
  }
  const { id, name, request } = pod
  engine.journal({ type: 'pod', status: 'remove', id, name, attributes: request.labels })
}

/** While its lock is held nobody becomes a member. */
async function removeHeld(engine: Engine, pod: PodRecord, { timeoutSeconds }: RemovePodOptions): Promise<void> {
  const names = membersOf(engine, pod).map(({ id }) => id)
  const outcomes = await removeContainers(
    { names, all: false, filters: [], ignoreMissing: true },
    { force: true, volumes: true, depend: true, timeoutSeconds, withPods: true },
  )
  const [failure] = failures(outcomes)
  if (failure !== undefined) throw failure
  disposePod(engine, pod.id)
}

function stillRunning({ name }: PodRecord, running: readonly SeenContainer[]): TspodError {
  const told = running.map(({ id, record, status }) => `${record?.name ?? id} (${status})`).join(', ')
  return new TspodError(
    'IN_USE',
    `cannot remove pod ${name} with containers that run: ${told} - running or paused containers cannot be removed without force: container state improper`,
    { hint: `stop it first (tspod pod stop ${name}), or use --force`, exitCode: 125 },
  )
}

/** The verb: every pod of which nothing runs. */
export async function prunePods(): Promise<PodOutcome[]> {
  const engine = await openEngine()
  sweepPods(engine)
  const outcomes: PodOutcome[] = []
  for (const pod of listPodRecords(engine)) {
    if (membersOf(engine, pod).some(({ status }) => !isAllowed('remove', status) || status === 'unknown')) continue
    try {
      await removePod(engine, pod, { force: false })
      outcomes.push({ input: pod.id, id: pod.id, errors: [] })
    } catch (error) {
      if (hasCode(error, 'IN_USE')) continue // it was started meanwhile
      outcomes.push({
        input: pod.id,
        id: pod.id,
        errors: [error instanceof TspodError ? error : new TspodError('INTERNAL', String(error))],
      })
    }
  }
  return outcomes
}
