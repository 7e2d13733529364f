// Takes a container's files away: first they vanish, by one rename, then its name is free, then the disk gets its space back.
// Host namespaces; run by `rm`, and by the monitor of a container started with --rm.
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { type OpenNamespace, removeTree } from '#storage/remove-tree.ts'
import { moveToTrash } from '#storage/staging.ts'
import { releaseNameOfGone } from './name-index.ts'
import { type ContainerId, containerDir, listRecords } from './record.ts'
import { unmarkRunning } from './running-index.ts'

/** Makes a container vanish at once. Returns where its files are now; `undefined` when somebody else was faster. */
export function hideContainer(graphRoot: string, id: ContainerId): string | undefined {
  const folder = containerDir(graphRoot, id)
  unmarkRunning(folder)
  return vanish(graphRoot, folder)
}

export interface HiddenContainer {
  graphRoot: string
  id: ContainerId
  name: string
  /** What `hideContainer` returned. */
  trash: string
  /** Volumes that go with it. */
  anonymousVolumes: readonly string[]
}

/** Frees the name of a container that has vanished, and the space of its files and volumes. */
export async function disposeHidden(hidden: HiddenContainer, openNamespace: OpenNamespace): Promise<void> {
  releaseNameOfGone(hidden.graphRoot, hidden.name, hidden.id)
  for (const volume of unusedVolumes(hidden)) await removeTree(volume, openNamespace)
  await removeTree(hidden.trash, openNamespace)
}

/** The anonymous volumes that no other container has got through --volumes-from, made to vanish; where they are now. */
function unusedVolumes({ graphRoot, anonymousVolumes }: HiddenContainer): string[] {
  if (anonymousVolumes.length === 0) return []
  const used = new Set(listRecords(graphRoot).records.flatMap(({ mounts }) => mounts.map(({ name }) => name)))
  const unused = anonymousVolumes.filter(name => !used.has(name))
  return unused.flatMap(name => vanish(graphRoot, join(graphRoot, 'volumes', name)) ?? [])
}

function vanish(graphRoot: string, path: string): string | undefined {
  try {
    return moveToTrash(graphRoot, path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** All of it: a container that is not running is gone. False when there was none. */
export async function removeContainerFiles(
  container: Omit<HiddenContainer, 'trash'>,
  openNamespace: OpenNamespace,
): Promise<boolean> {
  const trash = hideContainer(container.graphRoot, container.id)
  if (trash === undefined) return false
  await disposeHidden({ ...container, trash }, openNamespace)
  return true
}
