// How many bytes the files in a folder hold: as the caller where that is enough, inside the user's namespace for what subordinate ids
// own. Host namespaces.
import { errnoOf, during } from '#errors.ts'
import { S_IFDIR, statusAt } from '#sys/file-status.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt } from '#sys/make-at.ts'
import type { OpenNamespace } from './remove-tree.ts'

/** Bytes in each of these folders: sizes of files, one with several names counted once; 0 for what is not there. */
export async function measureTrees(paths: readonly string[], openNamespace: OpenNamespace): Promise<number[]> {
  const sizes = paths.map(measureTreeHere)
  const closed = paths.filter((_, index) => sizes[index] === undefined)
  if (closed.length === 0) return sizes.map(size => size ?? 0)
  const { runWorker } = await import('#userns/worker.ts')
  const found = await runWorker<number[]>(await openNamespace(), 'measure', { paths: closed })
  return sizes.map(size => size ?? found.shift() ?? 0)
}

/** The same as this process's own user. `undefined` where folders of other ids cannot be read. */
export function measureTreeHere(path: string): number | undefined {
  try {
    using folder = openFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    return sizeBelow(folder.number, new Set())
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return 0
    if (errno === 'EACCES' || errno === 'EPERM') return undefined
    throw during(`measuring "${path}"`, error)
  }
}

function sizeBelow(folder: number, seen: Set<number>): number {
  let bytes = 0
  for (const { name } of readFolder(folder)) {
    const status = statusAt(folder, name)
    if (status.type === S_IFDIR) {
      using below = openAt(folder, name, O_RDONLY | O_DIRECTORY)
      bytes += sizeBelow(below.number, seen)
    } else if (status.links < 2 || !seen.has(status.inode)) {
      if (status.links > 1) seen.add(status.inode)
      bytes += status.size
    }
  }
  return bytes
}
