// A program that a servant turns into, with the descriptors it is to have.
import { AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC, O_RDWR, SIG_SETMASK } from '#sys/flags.ts'
import { type Call, call, tolerate } from './batch.ts'
import { closeOnExecFrom } from './close-on-exec.ts'

export interface Program {
  /** A path, or a descriptor of the executable. */
  executable: string | number
  argv: readonly string[]
  env: readonly string[]
  /** Which of our descriptors the program gets, under which numbers; all others are closed. */
  descriptors: ReadonlyMap<number, number>
  /** Its file mode mask; absent: the servant's. */
  umask?: number
  /** Its working folder; absent: the servant's. A program that lives on should neither keep a folder busy nor begin in one that is gone. */
  folder?: string
  /** SIGTERM is kept from it: it serves a container, which hears the same at logout and needs it until its own end. */
  isDeafToTerm?: boolean
}

/** Where descriptors wait while the low numbers are put in order. */
const PARKING = 400
const LAST_STANDARD_SIGNAL = 31
const SIGTERM_BIT = 1n << 14n

/** The calls that execute a program; the last one is execve(2), or execveat(2) of a descriptor. */
export function programCalls(program: Program): Call[] {
  const { executable, argv, env, descriptors, umask, folder, isDeafToTerm } = program
  const blocked = isDeafToTerm === true ? SIGTERM_BIT : 0n
  const moves = [...descriptors].map(([target, source], index) => ({ target, source, parked: PARKING + index }))
  const highest = Math.max(2, ...descriptors.keys())
  const parkedExecutable = PARKING + moves.length
  return [
    ...moves.map(({ source, parked }) => call('dup3', source, parked, 0o2000000)),
    ...(typeof executable === 'number' ? [call('dup3', executable, parkedExecutable, 0o2000000)] : []),
    ...moves.map(({ target, parked }) => call('dup3', parked, target, 0)),
    ...Array.from({ length: highest }, (_, fd) => fd)
      .filter(fd => !descriptors.has(fd))
      .map(fd => tolerate('EBADF', call('close', fd))),
    ...(umask === undefined ? [] : [call('umask', umask)]),
    ...(folder === undefined ? [] : [call('chdir', folder)]),
    ...closeOnExecFrom(highest + 1),
    // what the engine of JavaScript ignores (SIGPIPE) would be ignored in the program too
    ...Array.from({ length: LAST_STANDARD_SIGNAL }, (_, index) =>
      tolerate('EINVAL', call('rt_sigaction', index + 1, { memory: new BigUint64Array(4) }, 0, 8)),
    ),
    call('rt_sigprocmask', SIG_SETMASK, { memory: new BigUint64Array([blocked]) }, 0, 8),
    typeof executable === 'number'
      ? call('execveat', parkedExecutable, '', argv, env, AT_EMPTY_PATH)
      : call('execve', executable, argv, env),
  ]
}

/** The same for a program that is to serve in the background, on /dev/null; it stays in the servant's folder. */
export function backgroundCalls(path: string, argv: readonly string[]): Call[] {
  const nullFd = PARKING - 1
  return [
    call('openat', AT_FDCWD, '/dev/null', O_RDWR, 0),
    call('dup3', { resultOf: 0 }, nullFd, O_CLOEXEC),
    ...programCalls({
      executable: path,
      argv,
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      descriptors: new Map([0, 1, 2].map(fd => [fd, nullFd])),
      isDeafToTerm: true,
    }),
  ]
}
