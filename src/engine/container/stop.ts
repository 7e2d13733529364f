// stop: asks a container's process 1 to end, and ends it when it does not.
import { awaitEnd, awaitRecorded } from '#container/end-waiting.ts'
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import {
  type ContainerState,
  isLost,
  isRunning,
  readStatus,
  requireAllowed,
  signalContainer,
  thisProcess,
  writeState,
} from '#container/state.ts'
import type { Outcome, Selection, StopOptions } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { errnoOf, TspodError } from '#errors.ts'
import { signalName } from '#oci/signal.ts'
import { forAllChosen } from './outcomes.ts'
import { selectContainers } from './select.ts'
import { machineOf } from './survey.ts'

const SIGKILL = 9
/** After SIGKILL only a process stuck in the kernel stays. */
const KILL_MS = 10_000

/** The verb, for several at the same time. */
export async function stopContainers(selection: Selection, options: StopOptions): Promise<Outcome[]> {
  const engine = await openEngine()
  const chosen = await selectContainers(
    engine,
    selection,
    ({ report }) => isRunning(report) || report.status === 'restarting',
  )
  return await forAllChosen(chosen, async id => await stopContainer(engine, id, options))
}

/** Stops one and returns when its end is recorded; for one that does not run there is nothing to do. */
export async function stopContainer(engine: Engine, id: ContainerId, options: StopOptions): Promise<void> {
  const folder = containerDir(engine.graphRoot, id)
  const record = readRecord(engine.graphRoot, id)
  const timeoutSeconds = options.timeoutSeconds ?? record.stopTimeoutSeconds
  const timeoutMs = timeoutSeconds < 0 ? Number.POSITIVE_INFINITY : timeoutSeconds * 1000
  for (;;) {
    const state = await beginStop(engine, id, folder)
    if (state !== undefined) await endProcess(folder, state, record.stopSignal, timeoutMs)
    const report = await awaitRecorded(folder, machineOf(engine))
    if (isLost(report)) await (await import('./settle.ts')).settleLost(engine, id)
    // it had just ended by itself, and its policy starts it again
    const comesBack = report.status === 'restarting' || (state === undefined && isRunning(report))
    if (!comesBack) return
  }
}

/** Notes who is stopping it, so that others see `stopping`. `undefined` where it does not run. */
async function beginStop(engine: Engine, id: ContainerId, folder: string): Promise<ContainerState | undefined> {
  return await withContainerLock(folder, async () => {
    const report = readStatus(folder, machineOf(engine))
    requireAllowed('stop', id, report)
    if (report.exit?.restart !== undefined)
      // also where the monitor that waits was killed: it may have an heir
      await (await import('./restart-by-policy.ts')).cancelRestart(folder, report, true)
    if (!isRunning(report) || report.state === undefined) return undefined
    return noteStopper(folder, { ...report.state, stopper: thisProcess() })
  })
}

/** On a disk without space it goes unsaid: a container that fills the disk must be one that can be stopped. */
function noteStopper(folder: string, state: ContainerState): ContainerState {
  try {
    writeState(folder, state)
  } catch (error) {
    const errno = error instanceof Error ? errnoOf(error.cause) : undefined
    if (errno !== 'ENOSPC' && errno !== 'EDQUOT' && errno !== 'EROFS') throw error
  }
  return state
}

/** A paused container hears its signal only when it goes on. */
async function thaw(folder: string, state: ContainerState): Promise<void> {
  if (state.stoppedBySignal !== undefined) await (await import('./pause.ts')).continueStopped(folder, state)
  const { cgroupFolder } = state
  if (cgroupFolder === undefined) return
  const { freezeCgroup } = await import('#cgroup/files.ts')
  await freezeCgroup(cgroupFolder, false)
}

async function endProcess(folder: string, state: ContainerState, signal: number, timeoutMs: number): Promise<void> {
  const id = folder.slice(folder.lastIndexOf('/') + 1)
  if (timeoutMs > 0) {
    if (!signalContainer(state, signal)) return
    await thaw(folder, state)
    if (await awaitEnd(state, timeoutMs)) return
    const { log } = await import('#log.ts')
    log.warn(
      `StopSignal ${signalName(signal)} failed to stop container ${id} in ${timeoutMs / 1000} seconds, resorting to SIGKILL`,
    )
  }
  signalContainer(state, SIGKILL)
  if (await awaitEnd(state, KILL_MS)) return
  throw new TspodError(
    'INTERNAL',
    `stopping container ${id}: process ${state.pid} still lives ${KILL_MS / 1000} s after SIGKILL`,
    {
      hint: `it waits inside the kernel, often for a file server: see /proc/${state.pid}/wchan and the kernel log`,
    },
  )
}
