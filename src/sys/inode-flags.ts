// Flags that a file system keeps for a folder (ioctl_iflags(2)).
import { trySyscall } from './call.ts'
import { openFile } from './fd.ts'
import { O_DIRECTORY, O_RDONLY } from './flags.ts'

const FS_IOC_GETFLAGS = 0x8008_6601
const FS_IOC_SETFLAGS = 0x4008_6602
const FS_TOPDIR_FL = 0x0002_0000

/**
 * Tells ext4 that what lies in the subfolders of a folder has nothing to do with each other (chattr +T): each gets a part of the disk
 * of its own. Otherwise a tree made soon after another was removed lies among the inodes of that one, which ext4 does not use again
 * for a minute and looks through for every new file (docs/decisions/unpacking.md). Other file systems refuse the flag, and need none.
 */
export function spreadSubfolders(folder: string): void {
  using fd = openFile(folder, O_RDONLY | O_DIRECTORY)
  const flags = new Uint32Array(2)
  if (trySyscall('ioctl', fd.number, FS_IOC_GETFLAGS, flags) < 0) return
  const found = flags[0] ?? 0
  if ((found & FS_TOPDIR_FL) !== 0) return
  flags[0] = found | FS_TOPDIR_FL
  trySyscall('ioctl', fd.number, FS_IOC_SETFLAGS, flags)
}
