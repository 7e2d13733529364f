// pause and unpause: stops all processes of a container where they are, and lets them go on. The kernel does it to the whole control
// group at once, so that nobody inside sees it happen.
import { freezeCgroup } from '#cgroup/files.ts'
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { readStatus, requireAllowed } from '#container/state.ts'
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
    const group = report.state?.cgroupFolder
    if (group === undefined) {
      const { reason } = await engine.cgroups()
      throw new TspodError('UNSUPPORTED', `pausing container ${id}: it has no control group of its own`, {
        hint: `${reason}; \`tspod kill --signal STOP\` stops its first process alone`,
      })
    }
    await freezeCgroup(group, isFrozen)
  })
  const { name, image, labels } = readRecord(engine.graphRoot, id)
  engine.journal({ type: 'container', status: verb, id, name, image: image?.name ?? '', attributes: labels })
}
