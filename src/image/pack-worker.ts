// worker:pack: files of a root file system as a tar archive on standard output. Inside the user's namespace, as its root.
import { idInContainer, overflowId, type RootIds } from '#storage/root-ids.ts'
import { byteName } from '#sys/byte-name.ts'
import { openFile, writeFully } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
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
}

/** Writes the archive. */
export function packWorker({ root, path, as, ids }: PackRequest): void {
  using top = openFile(root, O_PATH | O_DIRECTORY)
  using source = openCopySource(top.number, path, path)
  const packer = new Packer({ oneMount: path === '', ...(ids && { edit: ownerReader(ids) }) })
  for (const piece of packer.pack(source.number, '', byteName(as))) writeFully(1, piece)
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
