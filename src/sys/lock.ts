// flock(2) on small files: advisory, per open file, released by the kernel when its holder dies; works across machines where the file system does.
import { TspodError } from '#errors.ts'
import { trySyscall } from './call.ts'
import { type Fd, openFile } from './fd.ts'
import { O_CREAT, O_RDWR } from './flags.ts'

const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4
const EWOULDBLOCK = -11

export interface LockOptions {
  shared?: boolean
  /** Give up after this long; default 60 s. */
  timeoutMs?: number
}

/** Takes the lock if nobody holds it against us; `undefined` if somebody does. */
export function tryLock(path: string, shared = false): Fd | undefined {
  const fd = openFile(path, O_RDWR | O_CREAT, 0o600)
  const result = trySyscall('flock', fd.number, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB)
  if (result === 0) return fd
  fd.close()
  if (result === EWOULDBLOCK) return undefined
  throw new TspodError('UNSUPPORTED', `locking "${path}" failed (errno ${-result})`, {
    hint: 'the file system has no working flock; set graphroot in storage.conf to a local disk',
  })
}

/** Waits for the lock; whoever gets it closes it. Throws IN_USE after the time-out. */
export async function openLock(path: string, options: LockOptions = {}): Promise<Fd> {
  const timeoutMs = options.timeoutMs ?? 60_000
  const end = performance.now() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    const fd = tryLock(path, options.shared)
    if (fd !== undefined) return fd
    if (performance.now() > end)
      throw new TspodError(
        'IN_USE',
        `waiting for the lock "${path}": other commands of tspod have held it for ${timeoutMs / 1000} s`,
        {
          hint: `fuser ${path} names the process that has it now; a machine this busy may do with fewer commands at once`,
        },
      )
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}

/** Runs `body` while holding the lock. */
export async function withFileLock<T>(path: string, body: () => T | Promise<T>, options: LockOptions = {}): Promise<T> {
  using _lock = await openLock(path, options)
  return await body()
}
