// What the record of a container's end says of what comes next: whether a user wanted the end, and whether it starts again. Runs in the
// monitor, or in the attached command line.
import { type ExitRecord, unknownExitCode } from '#container/exit-record.ts'
import { type ContainerId, readRecord } from '#container/record.ts'
import { type RestartPolicy, restartPauseMs, wantsRestart } from '#container/restart-policy.ts'
import { readState, wantsEnd } from '#container/state.ts'
import type { Ending } from './monitor.ts'
import type { ChildMessage } from './protocol.ts'

/** The part of the record; the policy is what it is now, since `update` may have changed it. */
export function afterwards(
  child: ChildMessage,
  { next, neverStarted }: Pick<Ending, 'next' | 'neverStarted'>,
  { exitCode, durationMs }: Pick<ExitRecord, 'exitCode' | 'durationMs'>,
): Pick<ExitRecord, 'restarts' | 'endedByUser' | 'restart'> {
  const { restarts, folder } = child
  const state = readState(folder)
  if (state?.pid !== child.pid || state.startTime !== child.startTime) return {}
  const endedByUser = wantsEnd(state)
  const known = { ...(restarts > 0 && { restarts }), ...(endedByUser && { endedByUser }) }
  if (endedByUser || next === 'stay' || neverStarted) return known
  if (next === 'policy' && !wantsRestart(policyOf(child), exitCode, restarts)) return known
  const pauseMs = restartPauseMs(durationMs, child.restartPauseMs)
  const { machineId, bootId, monitor } = state
  const restart = { process: monitor, machineId, bootId, dueMs: Date.now() + pauseMs, pauseMs, count: restarts + 1 }
  return { ...known, restart }
}

/** What a service manager whose main process this is makes of the end: nothing is wrong where a user wanted it. */
export function serviceStatus(child: ChildMessage, { next, status }: Pick<Ending, 'next' | 'status'>): number {
  const state = readState(child.folder)
  return next === 'stay' || (state !== undefined && wantsEnd(state)) ? 0 : status.code
}

/** What comes after a restart that could not be; absent: nothing does. */
export function afterFailure(child: ChildMessage, exit: ExitRecord): Pick<ExitRecord, 'restart'> {
  const { restart } = exit
  if (restart === undefined || !wantsRestart(policyOf(child), exit.exitCode || unknownExitCode, restart.count))
    return {}
  const pauseMs = restartPauseMs(0, restart.pauseMs)
  return { restart: { ...restart, pauseMs, dueMs: Date.now() + pauseMs, count: restart.count + 1 } }
}

/** A record that is gone or damaged is no reason to start anything. */
function policyOf({ graphRoot, id }: ChildMessage): RestartPolicy | undefined {
  try {
    return readRecord(graphRoot, id as ContainerId).request.restart
  } catch {
    return undefined
  }
}
