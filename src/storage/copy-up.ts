// Filling a new volume with what the image has at the place where it will be mounted. Host namespaces decide, a worker copies.
import { errnoOf } from '#errors.ts'
import { byteName } from '#sys/byte-name.ts'
import { openFile } from '#sys/fd.ts'
import { statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { findBeneath } from '#sys/open-beneath.ts'
import type { UserNamespace } from '#userns/user-namespace.ts'
import { TreeCopy } from './copy-tree.ts'
import type { RootPlan } from './driver.ts'

/** What worker:copy-up is asked. */
interface CopyUpRequest {
  /** the mounted root file system */
  root: string
  /** a path in it; links on the way are followed, but never out of it */
  path: string
  /** the volume's folder */
  target: string
}

/** True unless no layer has the path at all: then there is nothing to fill the volume from. `folders` are the layers' `diff`. */
export function planCopyUp(folders: readonly string[], path: string): boolean {
  return folders.some(folder => mayHold(folder, path))
}

function mayHold(folder: string, path: string): boolean {
  try {
    using root = openFile(folder, O_PATH | O_DIRECTORY)
    using found = findBeneath(root.number, byteName(path), O_PATH)
    return found !== undefined
  } catch (error) {
    // closed to us, or a link of one layer that leads into another
    return errnoOf(error) !== 'ENOENT'
  }
}

/** Copies the folder at `path` of a root file system into an empty folder, with its owner and mode. Does nothing where either is not so. */
export async function copyUp(namespace: UserNamespace, plan: RootPlan, path: string, target: string): Promise<void> {
  const { startRootWorker } = await import('./root-worker.ts')
  const request: CopyUpRequest = { root: plan.root, path, target }
  await using root = startRootWorker(namespace, plan, 'copy-up', request)
  await root.worker.result()
}

/** worker:copy-up. Inside the user's namespace, as its root. */
export function copyUpWorker({ root, path, target }: CopyUpRequest): void {
  process.umask(0)
  using top = openFile(root, O_PATH | O_DIRECTORY)
  using source = findFolder(top.number, path)
  using to = openFile(target, O_RDONLY | O_DIRECTORY)
  if (source === undefined || readFolder(to.number).length > 0) return
  const copy = new TreeCopy(to.number, { isLayer: false })
  copy.copyContents(source.number, to.number)
  copy.copyFacts(source.number, '', to.number, '', statusOf(source.number))
}

function findFolder(root: number, path: string) {
  try {
    return findBeneath(root, byteName(path), O_RDONLY | O_DIRECTORY)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}
