// Folders that a layer's archive did not list but puts files into: on disk they would hide the mode and owner that the layers below
// gave them, so they take these over. Host namespaces decide, a worker does it.
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import type { ChainId } from '#oci/digest.ts'
import { byteName } from '#sys/byte-name.ts'
import { trySyscall } from '#sys/call.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { S_IFDIR, statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { changeMode, setTimes, tryChangeOwner } from '#sys/make-at.ts'
import { findBeneath } from '#sys/open-beneath.ts'
import { runWorker } from '#userns/worker.ts'
import { diffFolder, type LayerMode, layerFolder } from './layer-paths.ts'
import { type LayerRecord, readLayerRecord } from './layer-record.ts'
import type { OpenNamespace } from './remove-tree.ts'

interface InheritRequest {
  /** the new layer's files */
  diff: string
  folders: string[]
  /** files of the layers below, uppermost first */
  below: string[]
}

/** Gives the implied folders of a layer that is not visible yet what the layers below say of them. */
export async function inheritImpliedFolders(
  place: { graphRoot: string; mode: LayerMode; openNamespace: OpenNamespace },
  diff: string,
  { impliedFolders, parent }: LayerRecord,
): Promise<void> {
  if (impliedFolders.length === 0 || parent === undefined) return
  const below: string[] = []
  for (let at: ChainId | undefined = parent; at !== undefined; ) {
    below.push(diffFolder(place.graphRoot, place.mode, at))
    at = readLayerRecord(layerFolder(place.graphRoot, place.mode, at))?.parent
  }
  const request: InheritRequest = { diff, folders: impliedFolders, below }
  await runWorker(await place.openNamespace(), 'inherit-folders', request)
}

/** worker:inherit-folders. Inside the user's namespace, as its root. */
export function inheritFoldersWorker({ diff, folders, below }: InheritRequest): void {
  using stack = new DisposableStack()
  const open = (path: string): Fd => stack.use(openFile(path, O_RDONLY | O_DIRECTORY))
  const top = open(diff)
  const lowers = below.map(open)
  // the innermost first: making a file in a folder changes its time, and so does nothing here
  for (const folder of folders.toReversed()) inherit(top, lowers, join(folder))
  trySyscall('syncfs', top.number)
}

function inherit(top: Fd, lowers: readonly Fd[], path: string): void {
  const name = byteName(path)
  for (const lower of lowers) {
    using source = find(lower, name)
    if (source === undefined) continue
    const status = statusOf(source.number)
    if (status.type !== S_IFDIR) return
    using target = findBeneath(top.number, name, O_PATH | O_DIRECTORY)
    if (target === undefined) return // a name that is not UTF-8, which the record cannot hold
    tryChangeOwner(target.number, '.', status.uid, status.gid)
    changeMode(target.number, '.', status.mode)
    setTimes(target.number, '.', status.accessed, status.modified)
    return
  }
}

function find(lower: Fd, name: string): Fd | undefined {
  try {
    return findBeneath(lower.number, name, O_PATH | O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP') return undefined
    throw error
  }
}
