// Containers whose monitor was killed before them: nobody has recorded their end, run their poststop hooks, or ended
// the program that connects them (which holds their published ports). Whoever next finds one dead does all that.
import { awaitEnd } from '#container/end-waiting.ts'
import { recordUnknownEnd, unknownExitCode } from '#container/exit-record.ts'
import { tryContainerLock, withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { unmarkRunning } from '#container/running-index.ts'
import { endOrphanedHelper, isLost, readStatus, wantsEnd } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { log } from '#log.ts'
import { runOwedPoststop } from '#monitor/poststop.ts'
import { machineOf, type SeenContainer, seeContainer } from './survey.ts'

/** How long a network helper that was killed may take to go. */
const HELPER_END_MS = 2000

/** Does what is left to do, once the container's lock is free. */
export async function settleLost(engine: Engine, id: ContainerId): Promise<void> {
  await withContainerLock(containerDir(engine.graphRoot, id), async () => await settleHeld(engine, id))
}

/** The same for a caller that holds the container's lock. */
export async function settleHeld(engine: Engine, id: ContainerId): Promise<void> {
  const folder = containerDir(engine.graphRoot, id)
  const report = readStatus(folder, machineOf(engine))
  if (!isLost(report) || report.state === undefined) return
  const helper = endOrphanedHelper(report.state)
  const faults = await runOwedPoststop(folder)
  if (helper !== undefined) await awaitEnd(helper, HELPER_END_MS)
  recordUnknownEnd(folder, { ...report.state, endedByUser: wantsEnd(report.state) })
  unmarkRunning(folder)
  const about = aboutContainer(engine, id)
  engine.journal({ ...about, status: 'died', exitCode: unknownExitCode })
  for (const error of faults)
    engine.journal({ ...about, status: 'hook-failed', attributes: { ...about.attributes, error } })
}

/** For commands that only look: waits for no lock, and a store that cannot be written is no reason to fail. Lost ones are seen anew. */
export async function settleSeen(engine: Engine, containers: readonly SeenContainer[]): Promise<SeenContainer[]> {
  return await Promise.all(
    containers.map(async seen => {
      if (!isLost(seen.report)) return seen
      try {
        using lock = tryContainerLock(seen.folder)
        if (lock !== undefined) await settleHeld(engine, seen.id)
      } catch (error) {
        log.debug(
          `recording the end of container ${seen.id}: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
      return seeContainer(engine, seen.id)
    }),
  )
}

function aboutContainer(engine: Engine, id: ContainerId) {
  const base = { type: 'container' as const, id }
  try {
    const { name, image, labels } = readRecord(engine.graphRoot, id)
    return { ...base, name, image: image?.name ?? '', attributes: labels }
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND', 'INVALID')) throw error
    return { ...base, name: '', image: '', attributes: {} }
  }
}
