// worker:pack: files of a root file system as a tar archive on standard output. Inside the user's namespace, as its root.
import { byteName } from '#sys/byte-name.ts'
import { openFile, writeFully } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { openCopySource } from './copy-place.ts'
import { Packer } from './pack.ts'

export interface PackRequest {
  /** an absolute path: nothing outside is read */
  root: string
  /** the file or folder beneath it, links followed; '' for the root itself, then without what is mounted on it */
  path: string
  /** its path in the archive, '' for the archive's root */
  as: string
}

/** Writes the archive. */
export function packWorker({ root, path, as }: PackRequest): void {
  using top = openFile(root, O_PATH | O_DIRECTORY)
  using source = openCopySource(top.number, path, path)
  const packer = new Packer({ oneMount: path === '' })
  for (const piece of packer.pack(source.number, '', byteName(as))) writeFully(1, piece)
  for (const piece of packer.finish()) writeFully(1, piece)
}
