// Whom the files belong to that this thread makes: setfsuid(2), setfsgid(2).
import { syscall, trySyscall } from './call.ts'

/** _LINUX_CAPABILITY_VERSION_3 (capabilities(7)). */
const CAPABILITY_VERSION = 0x2008_0522

/**
 * From here on. A file system of another user namespace takes files only from ids that it has. Capabilities over files, which the
 * kernel takes from whoever does this, are taken back.
 */
export function makeFilesAs(uid: number, gid: number): void {
  trySyscall('setfsgid', gid) // both return the id before, whatever happens
  trySyscall('setfsuid', uid)
  const header = Uint32Array.of(CAPABILITY_VERSION, 0)
  const data = new Uint32Array(6) // effective, permitted, inheritable: the low words, then the high ones
  syscall('capget', header, data)
  data[0] = data[1] ?? 0
  data[3] = data[4] ?? 0
  syscall('capset', header, data)
}
