// system reset: stops and removes everything below the store and the runtime folder.
import { rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { listContainerIds } from '#container/record.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { errnoOf, hasCode } from '#errors.ts'
import { listNames } from '#image/lease.ts'
import { type OpenNamespace, removeTree } from '#storage/remove-tree.ts'
import { readKeeper } from '#userns/user-namespace.ts'

/** What a reset would remove, for the question before it. */
export async function planReset(): Promise<{ paths: string[]; containers: number; images: number; volumes: number }> {
  const engine = await openEngine()
  const { listVolumes } = await import('#engine/volume/list.ts')
  return {
    paths: pathsOf(engine),
    containers: listContainerIds(engine.graphRoot).length,
    images: imageCount(engine),
    volumes: (await listVolumes([])).length,
  }
}

/** An index that cannot be read is a reason to reset, not one against it. */
function imageCount({ images }: Engine): number {
  try {
    return images.list().length
  } catch {
    return 0
  }
}

function pathsOf({ graphRoot, runRoot, config }: Engine): string[] {
  const { volumePath } = config.engine
  return [
    graphRoot,
    runRoot,
    ...(volumePath === undefined || volumePath.startsWith(`${graphRoot}/`) ? [] : [volumePath]),
  ]
}

/** The verb. What cannot be removed does not keep the rest; all of it is said at the end. */
export async function resetSystem(): Promise<void> {
  const engine = await openEngine()
  const { graphRoot, runRoot } = engine
  // opened now: what belongs to subordinate ids is removed with it, after its keeper has ended
  const namespace = await engine.namespace()
  const failures = [...(await removeContainers()), ...(await removeVolumes())]
  const keeper = readKeeper(runRoot)
  if (keeper !== undefined) process.kill(keeper.pid, 'SIGKILL')
  for (const folder of [graphRoot, runRoot]) failures.push(...(await emptyFolder(folder, () => namespace)))
  throwAll(failures)
}

/** Running ones are stopped, whatever depends on what. */
async function removeContainers(): Promise<unknown[]> {
  const { removeContainers: remove } = await import('#engine/container/remove.ts')
  const outcomes = await remove(
    { names: [], all: true, filters: [], ignoreMissing: true },
    { force: true, volumes: true, depend: true, withPods: true, timeoutSeconds: 0 },
  )
  return outcomes.flatMap(({ error }) => (error === undefined || hasCode(error, 'NOT_FOUND') ? [] : [error]))
}

/** They may lie outside the store. */
async function removeVolumes(): Promise<unknown[]> {
  const { removeVolumes: remove } = await import('#engine/volume/remove.ts')
  const outcomes = await remove([], { all: true, force: true, timeoutSeconds: 0 })
  return outcomes.flatMap(({ error }) => error ?? [])
}

/** Removes all that is in a folder, and the folder where its parent allows it; what went wrong. */
async function emptyFolder(folder: string, openNamespace: OpenNamespace): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const name of listNames(folder)) {
    try {
      await removeTree(join(folder, name), openNamespace)
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 0) removeFolder(folder)
  return failures
}

/** The store of root lies where only root may remove it; a file system may be mounted on it. Empty, it does no harm. */
function removeFolder(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!['ENOENT', 'EACCES', 'EPERM', 'EBUSY', 'EROFS'].includes(errnoOf(error) ?? '')) throw error
  }
}

function throwAll(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures)
}
