// Making, changing and removing names in open folders. All take byte names and never follow a symbolic link at the end.

import { type ByteName, nameArgument, nameText } from './byte-name.ts'
import { systemCallError, trySyscall } from './call.ts'
import { Fd } from './fd.ts'
import { type FileTime, S_IFCHR, S_IFDIR, statusAt, timespecs } from './file-status.ts'
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from './flags.ts'
import { readFolder } from './folder.ts'
import type { SyscallName } from './numbers.ts'

function checked(name: SyscallName, result: number, operand: ByteName): number {
  if (result < 0) throw systemCallError(name, result, nameText(operand))
  return result
}

/** mkdirat(2); the umask applies. */
export function makeFolder(folder: number, name: ByteName, mode: number): void {
  checked('mkdirat', trySyscall('mkdirat', folder, nameArgument(name), mode), name)
}

/** openat(2) with O_NOFOLLOW and O_CLOEXEC. */
export function openAt(folder: number, name: ByteName, flags: number, mode = 0): Fd {
  const result = trySyscall('openat', folder, nameArgument(name), flags | O_NOFOLLOW | O_CLOEXEC, mode)
  return new Fd(checked('openat', result, name))
}

/** symlinkat(2) */
export function makeSymlink(folder: number, name: ByteName, target: ByteName): void {
  checked('symlinkat', trySyscall('symlinkat', nameArgument(target), folder, nameArgument(name)), name)
}

/** linkat(2), without following: a link to a symbolic link is a second name of that link. */
export function makeLink(oldFolder: number, oldName: ByteName, folder: number, name: ByteName): void {
  const result = trySyscall('linkat', oldFolder, nameArgument(oldName), folder, nameArgument(name), 0)
  checked('linkat', result, name)
}

/** The kernel's encoding of a device number for mknod(2). */
export function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) | ((major & 0xfff) << 8) | (((minor >>> 8) & 0xfff) << 20)
}

/** mknodat(2): the kernel's result, negative where it refuses (devices, in a user namespace). `type` is one of S_IF…. */
export function tryMakeNode(folder: number, name: ByteName, type: number, mode: number, device = 0): number {
  return trySyscall('mknodat', folder, nameArgument(name), type | mode, device)
}

/** A whiteout as overlay has it: a character device 0/0, which user namespaces may make since Linux 5.8. */
export function tryMakeWhiteout(folder: number, name: ByteName): number {
  return tryMakeNode(folder, name, S_IFCHR, 0)
}

/** fchownat(2): the kernel's result, -EINVAL for ids that are not mapped. */
export function tryChangeOwner(folder: number, name: ByteName, uid: number, gid: number): number {
  return trySyscall('fchownat', folder, nameArgument(name), uid, gid, AT_SYMLINK_NOFOLLOW)
}

/** fchmodat(2) for a name that is known not to be a symbolic link. */
export function changeMode(folder: number, name: ByteName, mode: number): void {
  checked('fchmodat', trySyscall('fchmodat', folder, nameArgument(name), mode), name)
}

/** utimensat(2) */
export function setTimes(folder: number, name: ByteName, accessed: FileTime, modified: FileTime): void {
  const times = timespecs(accessed, modified)
  checked('utimensat', trySyscall('utimensat', folder, nameArgument(name), times, AT_SYMLINK_NOFOLLOW), name)
}

/** utimensat(2) of an open file. */
export function setTimesOf(fd: number, accessed: FileTime, modified: FileTime): void {
  checked('utimensat', trySyscall('utimensat', fd, null, timespecs(accessed, modified), 0), '')
}

/** Removes a name with everything below it, following no link and leaving no file system. Absent names are fine. */
export function removeAll(folder: number, name: ByteName): void {
  const result = trySyscall('unlinkat', folder, nameArgument(name), 0)
  if (result >= 0 || result === -2) return
  // EISDIR for a folder; EPERM is what POSIX wants there, and what an immutable file gives
  if (result !== -21 && result !== -1) checked('unlinkat', result, name)
  if (statusAt(folder, name).type !== S_IFDIR) checked('unlinkat', result, name)
  emptyFolder(folder, name)
  checked('unlinkat', trySyscall('unlinkat', folder, nameArgument(name), AT_REMOVEDIR), name)
}

/** Removes what a folder holds; a folder that nobody may read or search is opened up first (overlay leaves such a `work`). */
export function emptyFolder(folder: number, name: ByteName): void {
  using fd = openReadable(folder, name)
  for (;;) {
    const entries = readFolder(fd.number)
    if (entries.length === 0) return
    for (const entry of entries) removeAll(fd.number, entry.name)
    trySyscall('lseek', fd.number, 0, 0) // some file systems skip entries when others go
  }
}

function openReadable(folder: number, name: ByteName): Fd {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
  const first = trySyscall('openat', folder, nameArgument(name), flags, 0)
  if (first >= 0) {
    // readable but not searchable or writable still fails later: open it up where it is ours
    if ((statusAt(folder, name).mode & 0o700) !== 0o700) trySyscall('fchmod', first, 0o700)
    return new Fd(first)
  }
  if (first !== -13) checked('openat', first, name)
  checked('fchmodat', trySyscall('fchmodat', folder, nameArgument(name), 0o700), name)
  return openAt(folder, name, O_RDONLY | O_DIRECTORY)
}
