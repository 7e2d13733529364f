// Opening a path beneath a folder such that nothing outside can be reached: openat2(2) of Linux 5.6, or a walk as good.
import { SystemCallError } from '#errors.ts'
import { systemCallError, trySyscall } from './call.ts'
import { type ByteName, nameArgument, nameText } from './byte-name.ts'
import { errnoText } from './errno.ts'
import { duplicate, Fd } from './fd.ts'
import { O_CLOEXEC, O_NOFOLLOW, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from './flags.ts'
import { S_IFDIR, S_IFLNK, statusOf } from './file-status.ts'

const ENOENT = -2
const EAGAIN = -11
const ENOSYS = -38
const MAX_LINKS = 40

let hasOpenat2 = true

const how = Buffer.alloc(24)

/**
 * Opens `path` as if `root` were the root folder: `..` and absolute symbolic links stay inside. Never follows magic links of
 * /proc. Throws a SystemCallError.
 */
export function openBeneath(root: number, path: ByteName, flags: number, mode = 0): Fd {
  const fd = findBeneath(root, path, flags, mode)
  if (fd === undefined) throw systemCallError('openat2', ENOENT, nameText(path))
  return fd
}

/** The same; `undefined` where a part of the path does not exist. */
export function findBeneath(root: number, path: ByteName, flags: number, mode = 0): Fd | undefined {
  const name = path === '' ? '.' : path
  if (!hasOpenat2) return walkBeneath(root, name, flags, mode)
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0)
  how.writeBigUInt64LE(BigInt(mode), 8)
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16)
  for (let attempt = 0; ; attempt++) {
    const result = trySyscall('openat2', root, nameArgument(name), how, how.byteLength)
    if (result >= 0) return new Fd(result)
    if (result === ENOENT) return undefined
    if (result === EAGAIN && attempt < 128) continue // something was renamed meanwhile (openat2(2))
    if (result !== ENOSYS) throw systemCallError('openat2', result, nameText(path))
    hasOpenat2 = false
    return walkBeneath(root, name, flags, mode)
  }
}

/** The walk for kernels without openat2: one component at a time, links read and resolved here. Exported for its tests. */
export function walkBeneath(root: number, path: ByteName, flags: number, mode = 0): Fd | undefined {
  const folders: Fd[] = [duplicate(root)]
  const top = (): number => folders.at(-1)?.number ?? root
  const left = path.split('/').filter(part => part !== '' && part !== '.')
  let links = 0
  try {
    for (;;) {
      const part = left.shift()
      if (part === undefined) return reopen(top(), flags)
      if (part === '..') {
        if (folders.length > 1) folders.pop()?.close()
        continue
      }
      const isLast = left.length === 0
      const step = trySyscall('openat', top(), nameArgument(part), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
      if (step === ENOENT && isLast && (flags & 0o100) !== 0)
        return opened(trySyscall('openat', top(), nameArgument(part), flags | O_NOFOLLOW | O_CLOEXEC, mode), part)
      if (step === ENOENT) return undefined
      if (step < 0) throw systemCallError('openat', step, nameText(part))
      const fd = new Fd(step)
      const { type } = statusOf(step)
      if (type === S_IFLNK && !(isLast && (flags & O_NOFOLLOW) !== 0)) {
        const target = readLink(fd)
        if (++links > MAX_LINKS) throw new SystemCallError('openat', 'ELOOP', errnoText('ELOOP'), nameText(path))
        if (target.startsWith('/')) for (const folder of folders.splice(1)) folder.close()
        left.unshift(...target.split('/').filter(each => each !== '' && each !== '.'))
        continue
      }
      if (!isLast && type !== S_IFDIR) {
        fd.close()
        throw new SystemCallError('openat', 'ENOTDIR', errnoText('ENOTDIR'), nameText(path))
      }
      folders.push(fd)
    }
  } finally {
    for (const folder of folders) folder.close()
  }
}

function opened(result: number, name: ByteName): Fd {
  if (result < 0) throw systemCallError('openat', result, nameText(name))
  return new Fd(result)
}

/** An O_PATH descriptor opened again with the wanted flags. */
function reopen(fd: number, flags: number): Fd {
  if ((flags & O_PATH) !== 0) return duplicate(fd)
  return opened(trySyscall('openat', -100, `/proc/self/fd/${fd}`, (flags & ~O_NOFOLLOW) | O_CLOEXEC, 0), '')
}

function readLink(link: Fd): ByteName {
  using _link = link
  const buffer = Buffer.alloc(4096)
  const length = trySyscall('readlinkat', link.number, '', buffer, buffer.byteLength)
  if (length < 0) throw systemCallError('readlinkat', length)
  return buffer.toString('latin1', 0, length)
}

/** Where a symbolic link in an open folder points to. */
export function readLinkAt(folder: number, name: ByteName): ByteName {
  const buffer = Buffer.alloc(4096)
  const length = trySyscall('readlinkat', folder, nameArgument(name), buffer, buffer.byteLength)
  if (length < 0) throw systemCallError('readlinkat', length, nameText(name))
  return buffer.toString('latin1', 0, length)
}
