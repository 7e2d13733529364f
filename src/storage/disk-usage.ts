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
  return (await foldersBytes([path], openNamespace))[0] ?? 0
}

/** The same for several folders, with one worker at most. */
export async function foldersBytes(paths: readonly string[], openNamespace: OpenNamespace): Promise<number[]> {
  const sizes = paths.map(readableBytes)
  const closed = paths.filter((_, index) => sizes[index] === undefined)
  if (closed.length === 0) return sizes.map(size => size ?? 0)
  const { runWorker } = await import('#userns/worker.ts')
  const found = await runWorker<number[]>(await openNamespace(), 'folder-bytes', { paths: closed })
  return sizes.map(size => size ?? found.shift() ?? 0)
}

/** worker:folder-bytes. Inside the user's namespace, as its root. */
export function folderBytesWorker({ paths }: { paths: string[] }): number[] {
  return paths.map(path => readableBytes(path) ?? 0)
}

/** As this process's own user; `undefined` where a folder may not be read. */
function readableBytes(path: string): number | undefined {
  try {
    using folder = openFile(path, O_RDONLY | O_DIRECTORY)
    return sum(folder.number, new Set())
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0
    if (errnoOf(error) === 'EACCES') return undefined
    throw error
  }
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
