// Network helpers of containers that have ended while nobody watched: their monitor was killed. They would hold published ports for ever.
import { awaitEnd } from '#container/end-waiting.ts'
import { containerDir } from '#container/record.ts'
import { listMarkedRunning } from '#container/running-index.ts'
import { endOrphanedHelper, isRunning, readStatus } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { machineOf } from './survey.ts'

/** How long a process that was killed may take to go. */
const END_MS = 2000

/** Ends them all; how many there were. */
export async function endOrphanedHelpers(engine: Engine): Promise<number> {
  const { graphRoot } = engine
  const here = machineOf(engine)
  const ended = listMarkedRunning(graphRoot).flatMap(id => {
    const report = readStatus(containerDir(graphRoot, id), here)
    return isRunning(report) || report.state === undefined ? [] : (endOrphanedHelper(report.state) ?? [])
  })
  await Promise.all(ended.map(async helper => await awaitEnd(helper, END_MS)))
  return ended.length
}
