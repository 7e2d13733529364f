// One hook: its streams, its start in the host's namespaces, and its end, waited for no longer than it may take. Host namespaces.
import { during, TspodError } from '#errors.ts'
import type { HookSpec } from '#oci/runtime-spec.ts'
import { syscall } from '#sys/call.ts'
import { Fd, writeFully } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { Poller, READABLE } from '#sys/poll.ts'
import { killProcess, openPidFd, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Servant } from '#sys/servant/servant.ts'

/** How much of what a hook said is repeated when it fails. */
const MOST_OUTPUT_BYTES = 4096

const SEEK_SET = 0
const SEEK_END = 2

/** Files in memory that a hook has as its streams: neither side can make the other wait. */
export interface HookFiles extends Disposable {
  streams: { stdin: number; stdout: number; stderr: number }
  /** The end of what it has written to either. */
  output(): string
}

/** The state as JSON on standard input. */
export function openHookFiles(state: unknown): HookFiles {
  const input = new Fd(syscall('memfd_create', 'tspod-state', 1))
  const output = new Fd(syscall('memfd_create', 'tspod-hook', 1))
  writeFully(input.number, Buffer.from(JSON.stringify(state)))
  syscall('lseek', input.number, 0, SEEK_SET)
  return {
    streams: { stdin: input.number, stdout: output.number, stderr: output.number },
    output() {
      const size = syscall('lseek', output.number, 0, SEEK_END)
      const buffer = Buffer.alloc(Math.min(size, MOST_OUTPUT_BYTES))
      const count = syscall('pread64', output.number, buffer, buffer.byteLength, size - buffer.byteLength)
      return buffer.subarray(0, count).toString('utf8').trim()
    },
    [Symbol.dispose]() {
      input.close()
      output.close()
    },
  }
}

/** Starts a hook in the host's namespaces, in the bundle's folder; its pid. It has the variables of its definition and no others. */
export function startOnHost({ path, args, env }: HookSpec, bundle: string, { streams }: HookFiles): number {
  // a session of its own: with it, everything that the hook has started can be ended
  const servant = Servant.start([], [call('setsid'), call('chdir', bundle)])
  try {
    servant.exec(
      programCalls({
        executable: path,
        argv: args === undefined || args.length === 0 ? [path] : args,
        env: env ?? [],
        descriptors: new Map([
          [0, streams.stdin],
          [1, streams.stdout],
          [2, streams.stderr],
        ]),
      }),
    )
    return servant.pid
  } catch (error) {
    killProcess(servant.pid, SIGKILL)
    waitProcess(servant.pid)
    throw error
  } finally {
    servant.close()
  }
}

/** Runs a hook to its end. Throws where it cannot be started, fails, or takes longer than its timeout (then it is killed). */
export function awaitHook(stage: string, hook: HookSpec, files: HookFiles, start: () => number): void {
  const doing = `running the ${stage} hook "${hook.path}"`
  let pid: number
  try {
    pid = start()
  } catch (error) {
    // 126 and 127 would speak of the container's own program
    throw new TspodError('INTERNAL', during(doing, error).message, { cause: error })
  }
  const isLate = !endsInTime(pid, hook.timeout)
  if (isLate && !killProcess(-pid, SIGKILL)) killProcess(pid, SIGKILL)
  const status = waitProcess(pid)?.status
  const said = files.output()
  const fault = isLate
    ? `it did not end within ${hook.timeout} s`
    : status?.signal !== undefined
      ? `signal ${status.signal} ended it`
      : status?.code !== 0
        ? `exit status ${status?.code}`
        : undefined
  if (fault !== undefined) throw new TspodError('INTERNAL', `${doing}: ${fault}${said === '' ? '' : `: ${said}`}`)
}

function endsInTime(pid: number, timeoutSeconds: number | undefined): boolean {
  using pidFd = openPidFd(pid)
  using poller = new Poller()
  if (pidFd === undefined) return true
  poller.watch(pidFd.number, READABLE, () => poller.unwatch(pidFd.number))
  return poller.wait(timeoutSeconds === undefined ? -1 : timeoutSeconds * 1000)
}
