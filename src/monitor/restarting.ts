// What is left of a monitor whose container has ended and is to start again: it waits, then has another process of this program start it,
// which makes a new monitor. It lives until that is done, or nobody wants it any more. Runs in the host's namespaces.
import { type PendingRestart, readExitRecord, writeExitRecord } from '#container/exit-record.ts'
import { withContainerLock } from '#container/lock.ts'
import { unmarkRunning } from '#container/running-index.ts'
import { clearState, readState } from '#container/state.ts'
import { hasCode } from '#errors.ts'
import { selfCommand } from '#host/executable.ts'
import { hostIdsVariable } from '#host/user.ts'
import { openFile } from '#sys/fd.ts'
import { O_RDONLY, O_RDWR } from '#sys/flags.ts'
import { type ExitStatus, isAlive } from '#sys/process.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import type { ChildMessage } from './protocol.ts'
import { afterFailure } from './restart-plan.ts'

/** The monitor's loop, as far as it is needed here. */
export interface Waiting {
  /** Serves what there is to serve; returns after so many milliseconds (-1: when something has happened). */
  turn(mostMs: number): void
  /** How a child has ended. */
  endOf(pid: number): ExitStatus | undefined
  isAskedToEnd(): boolean
}

/** Waits and starts it again; returns when it runs, or when that is no longer wanted or possible. */
export async function restartWhenDue(child: ChildMessage, waiting: Waiting): Promise<void> {
  for (;;) {
    const pending = pendingRestart(child)
    if (pending === undefined) return
    const due = performance.now() + Math.min(pending.pauseMs, pending.dueMs - Date.now())
    for (let left = due - performance.now(); left > 0 && !waiting.isAskedToEnd(); left = due - performance.now())
      waiting.turn(left)
    if (waiting.isAskedToEnd()) return
    const pid = runRestarter(child)
    while (waiting.endOf(pid) === undefined) waiting.turn(-1)
    if (waiting.endOf(pid)?.code === 0) return
    if (!(await postpone(child))) return
  }
}

/** What the record says, if this process is still the one to do it. */
function pendingRestart({ folder }: ChildMessage): PendingRestart | undefined {
  const restart = readExitRecord(folder)?.restart
  return restart?.process.pid === process.pid ? restart : undefined
}

/** A process of its own, whose parent this is: all that a start needs is far more than a monitor should hold. */
function runRestarter({ id, engineSettings }: ChildMessage): number {
  const { path, argv } = selfCommand(`restart:${id}`, JSON.stringify(engineSettings))
  using executable = openFile(path, O_RDONLY)
  using nullFd = openFile('/dev/null', O_RDWR)
  const env = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name === hostIdsVariable ? [] : [`${name}=${value}`],
  )
  const seat = new Seat()
  using stub = openStub(seat)
  const keep = [executable.number, nullFd.number]
  using servant = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: restarts a container', keep))
  const descriptors = new Map([0, 1, 2].map(fd => [fd, nullFd.number]))
  servant.exec(programCalls({ executable: executable.number, argv, env, descriptors }))
  return servant.pid
}

/** Whoever was to start it was killed, but only after it had; what is left of a process that never ran is cleared away. */
function hasSuccessor({ folder, pid, startTime }: ChildMessage): boolean {
  const state = readState(folder)
  if (state === undefined || (state.pid === pid && state.startTime === startTime)) return false
  if (isAlive(state)) return true
  clearState(folder)
  return false
}

/** After a failure: another try is noted, as the policy has it. False where there is none. */
async function postpone(child: ChildMessage): Promise<boolean> {
  try {
    return await withContainerLock(child.folder, () => {
      const exit = readExitRecord(child.folder)
      if (exit === undefined || pendingRestart(child) === undefined || hasSuccessor(child)) return false
      const { restart: _, ...ended } = exit
      const next = afterFailure(child, exit)
      writeExitRecord(child.folder, { ...ended, ...next }, true)
      if (next.restart === undefined) unmarkRunning(child.folder)
      return next.restart !== undefined
    })
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false // it has been removed
    throw error
  }
}
