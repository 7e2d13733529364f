// How many bytes a folder of the store holds: its files' sizes, names of one file counted once. Host namespaces, or inside.
import { errnoOf } from '#errors.ts'
import { openFile } from '#sys/fd.ts'
import { S_IFDIR, S_IFREG, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt } from '#sys/make-at.ts'
import type { OpenNamespace } from './remove-tree.ts'

/** Bytes below a folder; 0 where it is absent. Asks a worker where subordinate ids own parts that the caller may not read. */
export async function folderBytes(path: string, openNamespace: OpenNamespace): Promise<number> {
  try {
    return folderBytesHere(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0
    if (errnoOf(error) !== 'EACCES') throw error
    const { runWorker } = await import('#userns/worker.ts')
    return await runWorker<number>(await openNamespace(), 'folder-bytes', { path })
  }
}

/** The same as this process's own user. Throws a SystemCallError with EACCES where a folder may not be read. */
export function folderBytesHere(path: string): number {
  using folder = openFile(path, O_RDONLY | O_DIRECTORY)
  return sum(folder.number, new Set())
}

/** worker:folder-bytes. Inside the user's namespace, as its root. */
export function folderBytesWorker({ path }: { path: string }): number {
  return folderBytesHere(path)
}

function sum(folder: number, seen: Set<string>): number {
  let total = 0
  for (const { name } of readFolder(folder)) {
    const status = statusAt(folder, name)
    if (status.type === S_IFDIR) {
      using inner = openAt(folder, name, O_RDONLY | O_DIRECTORY)
      total += sum(inner.number, seen)
      continue
    }
    if (status.type !== S_IFREG) continue
    const key = `${status.device} ${status.inode}`
    if (status.links > 1 && seen.has(key)) continue
    seen.add(key)
    total += status.size
  }
  return total
}
