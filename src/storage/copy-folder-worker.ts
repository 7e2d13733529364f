// worker:copy-folder: copies one folder into another, with its owner, mode and times. Inside the user's namespace, as its root.
import { openFile } from '#sys/fd.ts'
import { makeFilesAs } from '#sys/file-ids.ts'
import { statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { TreeCopy } from './copy-tree.ts'

/** What is in `to` already stays unless `from` has the same name. */
export function copyFolderWorker({ from, to }: { from: string; to: string }): void {
  process.umask(0)
  using source = openFile(from, O_RDONLY | O_DIRECTORY)
  using target = openFile(to, O_RDONLY | O_DIRECTORY)
  // a container's tmpfs is its own root's, who need not be ours
  const { uid, gid } = statusOf(target.number)
  if (uid !== 0 || gid !== 0) makeFilesAs(uid, gid)
  const copy = new TreeCopy(target.number, { isLayer: false })
  copy.copyContents(source.number, target.number)
  copy.copyFacts(source.number, '', target.number, '', statusOf(source.number))
}
