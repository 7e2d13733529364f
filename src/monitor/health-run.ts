// One health check, run to its end by a command line that waits for it.
import type { HealthResult } from '#container/healthcheck.ts'
import { TspodError } from '#errors.ts'
import { formatTimestamp } from '#oci/timestamp.ts'
import { wallClockNs } from '#sys/clock.ts'
import { SIGKILL } from '#sys/flags.ts'
import { Poller } from '#sys/poll.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { CANNOT_RUN, type CheckedContainer, CheckStarter, TIMED_OUT } from './health-execution.ts'
import { CheckOutput } from './health-output.ts'

/** `isSingle`: the user's namespace maps one id. What cannot be executed is a result too. */
export async function runCheck(
  container: CheckedContainer,
  isSingle: boolean,
  test: readonly string[],
  timeoutMs: number,
): Promise<HealthResult> {
  const start = formatTimestamp(wallClockNs())
  const done = (exitCode: number, output: string) => ({ start, end: formatTimestamp(wallClockNs()), exitCode, output })
  const starter = await CheckStarter.open(container, isSingle)
  try {
    const { pid, output } = starter.start(test)
    using poller = new Poller()
    using said = new CheckOutput(poller, output)
    const deadline = performance.now() + timeoutMs
    for (let isLate = false; ; isLate ||= performance.now() >= deadline) {
      if (isLate) killProcess(-pid, SIGKILL)
      const ended = waitProcess(pid, !isLate)
      if (ended !== undefined)
        return isLate ? done(TIMED_OUT, said.lateText(timeoutMs)) : done(ended.status.code, said.text())
      poller.wait(Math.min(LOOK_MS, Math.max(0, deadline - performance.now())))
    }
  } catch (error) {
    if (!(error instanceof TspodError)) throw error
    return done(error.exitCode ?? CANNOT_RUN, error.message)
  }
}

/** Where it closes its output and lives on, its end is looked for this often. */
const LOOK_MS = 20
