// container prune: removes the containers that do not run.
import { isAllowed } from '#container/state.ts'
import type { ContainerFilter } from '#engine/contracts/container.ts'
import type { Pruned } from '#engine/contracts/system.ts'
import { openEngine } from '#engine/open.ts'
import { filterContainers } from './filter.ts'
import { removeContainers } from './remove.ts'
import { measureContainers } from './sizes.ts'
import { surveyContainers } from './survey.ts'

/** The verb: with the bytes that each gave back. Damaged ones, and those of other machines, stay. */
export async function pruneContainers(filters: ContainerFilter[]): Promise<Pruned[]> {
  const engine = await openEngine()
  // those of pods go with their pods
  const stopped = surveyContainers(engine).filter(
    ({ status, record }) => status !== 'unknown' && isAllowed('remove', status) && record?.pod === undefined,
  )
  const chosen = await filterContainers(engine, stopped, filters)
  const sizes = await measureContainers(engine, chosen)
  // none by force: one that was started in the meantime stays
  const outcomes = await removeContainers(
    { names: chosen.map(({ id }) => id), all: false, filters: [], ignoreMissing: true },
    { force: false, volumes: false, depend: false },
  )
  return outcomes.map(({ input, id = input, error }) => ({
    id,
    reclaimedBytes: error === undefined ? (sizes.get(id)?.writableBytes ?? 0) : 0,
    ...(error !== undefined && { error }),
  }))
}
