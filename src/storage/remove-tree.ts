// Removing files of the store: as the caller where that is enough, inside the user's namespace for what subordinate ids own.
// Host namespaces.
import { rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { during, errnoOf } from '#errors.ts'
import { log } from '#log.ts'
import { byteName } from '#sys/byte-name.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { removeAll } from '#sys/make-at.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'

/** Opens the user's namespace when it is needed. */
export type OpenNamespace = () => UserNamespace | Promise<UserNamespace>

/** Removes a file or folder with everything below it, following no link. An absent one is fine. */
export async function removeTree(path: string, openNamespace: OpenNamespace): Promise<void> {
  if (removeTreeHere(path)) return
  log.debug(`"${path}" holds files of subordinate ids: a worker removes them`)
  const { runWorker } = await import('#userns/worker.ts')
  await runWorker(await openNamespace(), 'remove', { path })
}

/** The same as this process's own user. False where files of other ids are in the way. */
export function removeTreeHere(path: string): boolean {
  if (removeNatively(path)) return true
  try {
    using folder = openFile(dirname(path), O_PATH | O_DIRECTORY)
    removeAll(folder.number, byteName(basename(path)))
    return true
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return true
    if (errno === 'EACCES' || errno === 'EPERM') return false
    throw during(`removing "${path}"`, error)
  }
}

/** The engine's own removal: a container's few files are gone in a fraction of a millisecond. False where it cannot remove all. */
function removeNatively(path: string): boolean {
  tryRemoveFolder(join(path, 'work', 'work')) // overlay leaves it empty and without any permission
  try {
    rmSync(path, { recursive: true })
    return true
  } catch {
    return false // what the walk below makes of it is told there
  }
}

function tryRemoveFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // not empty after all: the walk opens it up
  }
}
