// Network helpers of containers that have ended while nobody watched: their monitor was killed. They hold published ports.
import { listMarkedRunning } from '#container/running-index.ts'
import { isLost } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { settleSeen } from './settle.ts'
import { seeContainer } from './survey.ts'

/** Ends them all, but for those of containers that another command is busy with; how many containers that were. */
export async function endOrphanedHelpers(engine: Engine): Promise<number> {
  const marked = listMarkedRunning(engine.graphRoot).map(id => seeContainer(engine, id))
  const lost = marked.filter(({ report }) => isLost(report))
  const settled = await settleSeen(engine, lost)
  return settled.filter(({ report }) => !isLost(report)).length
}
