// Opening a path beneath a folder such that nothing outside can be reached: openat2(2) of Linux 5.6, or a walk as good.
import { SystemCallError } from '#errors.ts'
import { type ByteName, nameArgument, nameText } from './byte-name.ts'
import { systemCallError, trySyscall } from './call.ts'
import { errnoText } from './errno.ts'
import { duplicate, Fd } from './fd.ts'
import { S_IFDIR, S_IFLNK, statusOf } from './file-status.ts'
import { O_CLOEXEC, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from './flags.ts'

const ENOENT = -2
const EAGAIN = -11
const ENOSYS = -38
const MAX_LINKS = 40

let hasOpenat2 = true

const how = Buffer.alloc(24)

/**
 * Opens `path` as if `root` were the root folder: `..` and absolute symbolic links stay inside. Never follows magic links of
 * /proc. `undefined` where a part of the path does not exist; throws a SystemCallError for other failures.
 */
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

/** A path that can only be a folder: `a/`, `a/.`, `..`. */
const meansFolder = (path: ByteName): boolean => /(^|\/)\.{0,2}$/.test(path)

/** The walk for kernels without openat2: one component at a time, links read and resolved here. Exported for its tests. */
export function walkBeneath(root: number, path: ByteName, flags: number, mode = 0): Fd | undefined {
  using walk = new Walk(root, path)
  for (;;) {
    const part = walk.left.shift()
    if (part === undefined) return walk.finish(flags)
    if (part === '..') walk.leave()
    else {
      const isLast = walk.left.length === 0
      const step = trySyscall('openat', walk.top, nameArgument(part), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
      if (step === ENOENT && isLast && (flags & O_CREAT) !== 0)
        return opened(trySyscall('openat', walk.top, nameArgument(part), flags | O_NOFOLLOW | O_CLOEXEC, mode), part)
      if (step === ENOENT) return undefined
      walk.enter(opened(step, part), !isLast || walk.mustBeFolder || (flags & O_NOFOLLOW) === 0)
    }
  }
}

/** The folders from the root to where the walk is, all open, and what is left of the path. */
class Walk implements Disposable {
  readonly left: ByteName[]
  mustBeFolder: boolean
  readonly #folders: Fd[]
  #links = 0

  constructor(root: number, path: ByteName) {
    this.#folders = [duplicate(root)]
    this.left = partsOf(path)
    this.mustBeFolder = meansFolder(path)
  }

  get top(): number {
    return this.#folders.at(-1)?.number ?? -1
  }

  leave(): void {
    if (this.#folders.length > 1) this.#folders.pop()?.close()
  }

  enter(fd: Fd, follows: boolean): void {
    const { type } = statusOf(fd.number)
    if (type === S_IFLNK && follows) return this.#follow(fd)
    this.#folders.push(fd)
    if (type !== S_IFDIR && this.left.length > 0) throw refusal('ENOTDIR')
  }

  finish(flags: number): Fd {
    const wantsFolder = this.mustBeFolder || (flags & O_DIRECTORY) !== 0
    if (wantsFolder && statusOf(this.top).type !== S_IFDIR) throw refusal('ENOTDIR')
    if ((flags & O_PATH) !== 0) return duplicate(this.top)
    const again = trySyscall('openat', -100, `/proc/self/fd/${this.top}`, (flags & ~O_NOFOLLOW) | O_CLOEXEC, 0)
    return opened(again, '')
  }

  #follow(link: Fd): void {
    const target = readLink(link)
    if (++this.#links > MAX_LINKS) throw refusal('ELOOP')
    if (this.left.length === 0 && meansFolder(target)) this.mustBeFolder = true
    if (target.startsWith('/')) for (const folder of this.#folders.splice(1)) folder.close()
    this.left.unshift(...partsOf(target))
  }

  [Symbol.dispose](): void {
    for (const folder of this.#folders) folder.close()
  }
}

function partsOf(path: ByteName): ByteName[] {
  return path.split('/').filter(part => part !== '' && part !== '.')
}

function refusal(errno: 'ENOTDIR' | 'ELOOP'): SystemCallError {
  return new SystemCallError('openat', errno, errnoText(errno))
}

function opened(result: number, name: ByteName): Fd {
  if (result < 0) throw systemCallError('openat', result, nameText(name))
  return new Fd(result)
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
