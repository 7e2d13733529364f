// Which containers a verb is for: names as typed, `--latest`, `--all`, filters.

import { findContainer } from '#container/name-index.ts'
import type { ContainerId } from '#container/record.ts'
import type { ContainerName, Selection } from '#engine/contracts/container.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { type SeenContainer, surveyContainers } from './survey.ts'

/** One chosen container, or why there is none for what was typed. */
export type Chosen = { input: string; id: ContainerId } | { input: string; error: TspodError }

/** The container of a name, id or prefix, or the one created last. Throws NOT_FOUND or CONFLICT. */
export function findOne(engine: Engine, name: ContainerName): ContainerId {
  return typeof name === 'string' ? findContainer(engine.graphRoot, name) : latestContainer(engine)
}

/** The container created last. Throws NOT_FOUND where there is none. */
function latestContainer(engine: Engine): ContainerId {
  const [latest] = newestFirst(surveyContainers(engine))
  if (latest === undefined) throw new TspodError('NOT_FOUND', 'no containers found: no such container')
  return latest.id
}

/** By time of creation; the order of ps, and of everything that is done to all. */
export function newestFirst(containers: readonly SeenContainer[]): SeenContainer[] {
  const createdMs = ({ record }: SeenContainer) => record?.createdMs ?? 0
  return containers.toSorted((a, b) => createdMs(b) - createdMs(a) || (a.id < b.id ? -1 : 1))
}

/**
 * The containers of a selection, each once. `fits` says which ones `all` means for the verb; names are taken as they are, and
 * filters choose among all. What is not found is an entry with its error, unless the selection ignores that.
 */
export async function selectContainers(
  engine: Engine,
  selection: Selection,
  fits: (container: SeenContainer) => boolean = () => true,
): Promise<Chosen[]> {
  const named = selection.names.map(name => chooseNamed(engine, name))
  const chosen = [...named, ...(await chooseMany(engine, selection, fits))]
  const seen = new Set<string>()
  return chosen.filter(one => {
    if ('error' in one) return !(selection.ignoreMissing && hasCode(one.error, 'NOT_FOUND'))
    const isNew = !seen.has(one.id)
    seen.add(one.id)
    return isNew
  })
}

function chooseNamed(engine: Engine, name: ContainerName): Chosen {
  try {
    const id = findOne(engine, name)
    return { input: typeof name === 'string' ? name : id, id }
  } catch (error) {
    if (error instanceof TspodError) return { input: typeof name === 'string' ? name : 'latest', error }
    throw error
  }
}

async function chooseMany(
  engine: Engine,
  { all, filters }: Selection,
  fits: (container: SeenContainer) => boolean,
): Promise<Chosen[]> {
  if (!all && filters.length === 0) return []
  const { filterContainers } = await import('./filter.ts')
  const fitting = await filterContainers(engine, newestFirst(surveyContainers(engine)), filters)
  return fitting.filter(fits).map(({ id }) => ({ input: id, id }))
}
