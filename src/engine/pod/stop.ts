// pod stop, restart, kill, pause and unpause: what containers' verbs do, on all of a pod.
import type { PodRecord } from '#container/pod/record.ts'
import type { ContainerId } from '#container/record.ts'
import { stopContainer } from '#engine/container/stop.ts'
import type { SeenContainer } from '#engine/container/survey.ts'
import type { Outcome, Selection, StopOptions } from '#engine/contracts/container.ts'
import type { PodOutcome, PodSelection } from '#engine/contracts/pod.ts'
import type { Engine } from '#engine/open.ts'
import type { TspodError } from '#errors.ts'
import { parseSignal } from '#oci/signal.ts'
import { membersOf, withoutInfra } from './find.ts'
import { failures, forAllMembers, forEachPod } from './outcomes.ts'
import { startPod } from './start.ts'

/** The verb; `all` means those of which something runs. */
export async function stopPods(selection: PodSelection, options: StopOptions): Promise<PodOutcome[]> {
  return await forEachPod(selection, async (engine, pod) => await stopPod(engine, pod, options), isActive)
}

/** Stops the members at the same time, then the infra container. Returns what failed. */
export async function stopPod(engine: Engine, pod: PodRecord, options: StopOptions): Promise<TspodError[]> {
  const active = membersOf(engine, pod).filter(seen => seen.isRunning || seen.status === 'restarting')
  const stop = async (id: string) => {
    await stopContainer(engine, id as ContainerId, options)
  }
  const errors = await forAllMembers(idsOf(withoutInfra(active)), 'stopping', stop)
  if (pod.infraId === undefined) return errors
  return [...errors, ...(await forAllMembers([pod.infraId], 'stopping', stop))]
}

/** The verb: stops what runs, and starts all of it; `all` means those of which something runs. */
export async function restartPods(selection: PodSelection): Promise<PodOutcome[]> {
  const restart = async (engine: Engine, pod: PodRecord) => {
    const errors = await stopPod(engine, pod, {})
    return errors.length > 0 ? errors : await startPod(engine, pod)
  }
  return await forEachPod(selection, restart, isActive)
}

/** The verb: sends a signal to all that run. */
export async function killPods(selection: PodSelection, { signal }: { signal: string }): Promise<PodOutcome[]> {
  parseSignal(signal)
  const { killContainers } = await import('#engine/container/kill.ts')
  const running = ({ isRunning }: SeenContainer) => isRunning
  return await onAll(selection, running, async chosen => await killContainers(chosen, { signal }))
}

/** The verb; `all` means those of which something runs. */
export async function pausePods(selection: PodSelection): Promise<PodOutcome[]> {
  const { pauseContainers } = await import('#engine/container/pause.ts')
  return await onAll(selection, ({ status }) => status === 'running', pauseContainers)
}

/** The verb. */
export async function unpausePods(selection: PodSelection): Promise<PodOutcome[]> {
  const { unpauseContainers } = await import('#engine/container/pause.ts')
  return await onAll(selection, ({ status }) => status === 'paused', unpauseContainers)
}

async function onAll(
  selection: PodSelection,
  fits: (seen: SeenContainer) => boolean,
  act: (chosen: Selection) => Promise<Outcome[]>,
): Promise<PodOutcome[]> {
  return await forEachPod(
    selection,
    async (engine, pod) => {
      const names = idsOf(membersOf(engine, pod).filter(fits))
      return failures(await act({ names, all: false, filters: [], ignoreMissing: true }))
    },
    isActive,
  )
}

function isActive(engine: Engine, pod: PodRecord): boolean {
  return membersOf(engine, pod).some(seen => seen.isRunning || seen.status === 'restarting')
}

function idsOf(containers: readonly SeenContainer[]): ContainerId[] {
  return containers.map(({ id }) => id)
}
