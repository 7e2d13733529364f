// pause and unpause: stops all processes of a container where they are, and lets them go on. The kernel does it to the whole control
// group at once, so that nobody inside sees it happen; where there is no group, signals do.
import { freezeCgroup } from '#cgroup/files.ts'
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { type ContainerState, readStatus, requireAllowed, writeState } from '#container/state.ts'
import type { Outcome, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { forEachChosen } from './outcomes.ts'
import { selectContainers } from './select.ts'
import { machineOf } from './survey.ts'

/** The verb, for several; `all` means those that run. */
export async function pauseContainers(selection: Selection): Promise<Outcome[]> {
  return await freezeAll(selection, true)
}

/** The verb, for several; `all` means those that are paused. */
export async function unpauseContainers(selection: Selection): Promise<Outcome[]> {
  return await freezeAll(selection, false)
}

async function freezeAll(selection: Selection, isFrozen: boolean): Promise<Outcome[]> {
  const engine = await openEngine()
  const wanted = isFrozen ? 'running' : 'paused'
  const chosen = await selectContainers(engine, selection, ({ status }) => status === wanted)
  return await forEachChosen(chosen, async id => await freeze(engine, id, isFrozen))
}

async function freeze(engine: Engine, id: ContainerId, isFrozen: boolean): Promise<void> {
  const folder = containerDir(engine.graphRoot, id)
  const verb = isFrozen ? 'pause' : 'unpause'
  await withContainerLock(folder, async () => {
    const report = readStatus(folder, machineOf(engine))
    requireAllowed(verb, id, report)
    if (report.state === undefined) throw new TspodError('INTERNAL', `container ${id} has no record of its process`)
    if (report.state.cgroupFolder !== undefined) await freezeCgroup(report.state.cgroupFolder, isFrozen)
    else await signal(engine, id, report.state, isFrozen)
  })
  const { name, image, labels } = readRecord(engine.graphRoot, id)
  engine.journal({ type: 'container', status: verb, id, name, image: image?.name ?? '', attributes: labels })
}

/** Signals reach those of its pid namespace: without one of its own, they would reach others. */
async function signal(engine: Engine, id: ContainerId, state: ContainerState, isToStop: boolean): Promise<void> {
  const folder = containerDir(engine.graphRoot, id)
  if (readRecord(engine.graphRoot, id).request.pid.kind !== 'private') {
    const { reason } = await engine.cgroups()
    const why = 'it has no control group, and no pid namespace, of its own'
    throw new TspodError('UNSUPPORTED', `pausing container ${id}: ${why}`, { hint: reason })
  }
  const { stopProcesses } = await import('#container/pause-by-signal.ts')
  if (isToStop) writeState(folder, { ...state, stoppedBySignal: { spared: await stopProcesses(state.pid) } })
  else await continueStopped(folder, state)
}

/** Lets processes that signals have stopped go on; does nothing for others. */
export async function continueStopped(folder: string, state: ContainerState): Promise<void> {
  const { stoppedBySignal, ...going } = state
  if (stoppedBySignal === undefined) return
  const { continueProcesses } = await import('#container/pause-by-signal.ts')
  continueProcesses(state.pid, stoppedBySignal.spared)
  writeState(folder, going)
}
