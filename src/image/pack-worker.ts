// worker:pack: files of a root file system as a tar archive on standard output. Inside the user's namespace, as its root.
import { idInContainer, overflowId, type RootIds } from '#storage/root-ids.ts'
import { byteName } from '#sys/byte-name.ts'
import { openFile, writeFully } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { openCopySource } from './copy-place.ts'
import { Packer } from './pack.ts'
import type { TarEntry } from './tar-entry.ts'

export interface PackRequest {
  /** an absolute path: nothing outside is read */
  root: string
  /** the file or folder beneath it, links followed; '' for the root itself, then without what is mounted on it */
  path: string
  /** its path in the archive, '' for the archive's root */
  as: string
  /** what ids mean where the root file system belongs */
  ids?: RootIds
  /** More follows: the archive is not ended. */
  isPart?: boolean
}

/** Writes the archive. */
export function packWorker({ root, path, as, ids, isPart }: PackRequest): void {
  using top = openFile(root, O_PATH | O_DIRECTORY)
  using source = openCopySource(top.number, path, path)
  const packer = new Packer({ oneMount: path === '', ...(ids && { edit: ownerReader(ids) }) })
  for (const piece of packer.pack(source.number, '', byteName(as))) writeFully(1, piece)
  for (const piece of packer.finish(isPart)) writeFully(1, piece)
}

export interface PackLayerRequest {
  /** a container's writable layer */
  folder: string
  /** absolute paths in the container that are no change of its own: left out, with what is below them */
  without: string[]
  ids?: RootIds
}

/** worker:pack-layer: writes the archive of a layer. */
export function packLayerWorker({ folder, without, ids }: PackLayerRequest): void {
  using source = openFile(folder, O_RDONLY | O_DIRECTORY)
  const skipped = new Set(without.map(path => byteName(path.slice(1))))
  const changeOwner = ids === undefined ? (entry: TarEntry) => entry : ownerReader(ids)
  const edit = (entry: TarEntry) => (skipped.has(entry.path) ? undefined : changeOwner(entry))
  const packer = new Packer({ isLayer: true, edit })
  for (const piece of packer.pack(source.number, '', '')) writeFully(1, piece)
  for (const piece of packer.finish()) writeFully(1, piece)
}

/** Owners as the container calls them. */
function ownerReader({ uid, gid }: RootIds): (entry: TarEntry) => TarEntry {
  return entry => ({
    ...entry,
    uid: idInContainer(uid, entry.uid) ?? overflowId,
    gid: idInContainer(gid, entry.gid) ?? overflowId,
  })
}
