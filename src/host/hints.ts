// What the kernel's word for a failure means to a user: one sentence to mend it, for the errors of every command. Host namespaces.
import { errnoOf, SystemCallError, TspodError } from '#errors.ts'
import { type FilesystemFacts, filesystemOf } from './filesystem.ts'
import { kernelHas, kernelRelease } from './kernel.ts'
import { obstacleHint } from './obstacle.ts'
import { hostUser } from './user.ts'
import { readUserNamespaceFacts, userNamespaceObstacle } from './user-namespaces.ts'

/** The failed call inside an error, its causes and what it suppressed. */
interface Failure {
  errno: string
  syscall: string | undefined
  path: string | undefined
}

/** The hint that an error carries, or the one that its errno and system call call for; `undefined` where nothing is known. */
export function hintFor(error: unknown): string | undefined {
  for (const each of chainOf(error)) if (each instanceof TspodError && each.hint !== undefined) return each.hint
  for (const each of chainOf(error)) {
    const failure = failureOf(each)
    const hint = failure === undefined ? undefined : hintForFailure(failure)
    if (hint !== undefined) return hint
  }
  return undefined
}

/** The error and its causes, outermost first; an error of a clean-up comes after the one it suppressed. */
function* chainOf(error: unknown, depth = 0): Generator {
  if (error === undefined || error === null || depth > 16) return
  if (error instanceof SuppressedError) {
    yield* chainOf(error.suppressed, depth + 1)
    yield* chainOf(error.error, depth + 1)
    return
  }
  yield error
  if (error instanceof Error) yield* chainOf(error.cause, depth + 1)
}

function failureOf(error: unknown): Failure | undefined {
  const errno = errnoOf(error)
  if (errno === undefined) return undefined
  if (error instanceof SystemCallError) return { errno, syscall: error.syscall, path: pathIn(error.operand) }
  const { syscall, path } = error as NodeJS.ErrnoException // errnoOf knows only these two
  return { errno, syscall, path: pathIn(path) }
}

function pathIn(operand: string | undefined): string | undefined {
  return operand?.startsWith('/') ? operand : undefined
}

const namespaceCalls = new Set(['clone', 'clone3', 'unshare', 'setns'])
const mountCalls = new Set(['mount', 'fsopen', 'fsconfig', 'fsmount', 'move_mount'])

function hintForFailure({ errno, syscall, path }: Failure): string | undefined {
  if (syscall !== undefined && namespaceCalls.has(syscall)) {
    const hint = namespaceHint(errno)
    if (hint !== undefined) return hint
  }
  if (syscall !== undefined && mountCalls.has(syscall) && ['EPERM', 'EINVAL', 'ENODEV'].includes(errno)) {
    const hint = mountHint()
    if (hint !== undefined) return hint
  }
  switch (errno) {
    case 'ENOSPC':
      return path === undefined ? 'no space is left on the disk: `df -h` and `df -i` show where' : fullHint(path)
    case 'EDQUOT':
      return 'your disk quota is used up: `quota -s` shows it; `tspod system prune` removes what is not in use'
    case 'EROFS':
      return `${quoted(path, 'the file system')} is read-only; --root, or graphroot in storage.conf, puts the store elsewhere`
    case 'EMFILE':
      return filesHint
    case 'EINVAL':
      return syscall === 'fcntl' ? filesHint : undefined // a copy of a descriptor above the limit (fcntl(2), F_DUPFD)
    case 'ENFILE':
      return 'the whole machine has too many files open: an administrator raises the sysctl fs.file-max'
    case 'ENOLCK':
      return 'the file system gives no locks (NFS without a lock service): put the store on a local disk with --root'
    case 'ESTALE':
      return 'the file server replaced this folder: leave it with `cd /`, and try again'
    case 'ENAMETOOLONG':
      return 'a path is too long: use a shorter --root, or a shorter XDG_RUNTIME_DIR for sockets'
    case 'EAGAIN':
      return syscall !== undefined && ['clone', 'clone3', 'fork', 'spawn', 'execve'].includes(syscall)
        ? 'the limit on processes is reached: `ulimit -u` shows it'
        : undefined
    default:
      return undefined
  }
}

const filesHint = 'this process has too many files open: raise the limit with `ulimit -n 65536`'

function namespaceHint(errno: string): string | undefined {
  if (errno === 'ENOSPC' || errno === 'EUSERS')
    return (
      obstacleOfUserNamespaces() ??
      'too many namespaces exist, or 32 lie within each other: an administrator raises the sysctls user.max_*_namespaces'
    )
  if (errno !== 'EPERM' && errno !== 'EACCES' && errno !== 'EINVAL') return undefined
  const obstacle = obstacleOfUserNamespaces()
  if (obstacle !== undefined || errno === 'EINVAL') return obstacle
  return 'namespaces are forbidden here, perhaps by the container that tspod itself runs in; `tspod doctor` looks for the cause'
}

function obstacleOfUserNamespaces(): string | undefined {
  const obstacle = userNamespaceObstacle(readUserNamespaceFacts(hostUser().isRoot))
  return obstacle === undefined ? undefined : obstacleHint(obstacle)
}

function mountHint(): string | undefined {
  const kernel = kernelRelease()
  if (!kernelHas('overlayInUserNamespace', kernel))
    return `kernel ${kernel.text} cannot mount overlay in a user namespace; install fuse-overlayfs, or use kernel 5.11 or later`
  return obstacleOfUserNamespaces()
}

function fullHint(path: string): string {
  const advice = '`tspod system prune` removes what is not in use; --root puts the store elsewhere'
  let facts: FilesystemFacts
  try {
    facts = filesystemOf(path)
  } catch {
    return `no space is left for "${path}"; ${advice}`
  }
  if (facts.totalInodes > 0 && facts.freeInodes === 0)
    return `no file numbers (inodes) are left for "${path}"; ${advice}`
  return `no space is left for "${path}" (${facts.kind}, ${Math.round(facts.totalBytes / 2 ** 20)} MiB); ${advice}`
}

function quoted(path: string | undefined, otherwise: string): string {
  return path === undefined ? otherwise : `"${path}"`
}
