// What is left to do when a container has ended: record how, tell the journal and the clients, and with --rm remove it.
// Runs in the monitor, after its loop.

import { join } from 'node:path'
import { type ExitRecord, type PendingRestart, writeExitRecord } from '#container/exit-record.ts'
import type { ContainerId } from '#container/record.ts'
import { disposeHidden, hideContainer } from '#container/remove.ts'
import { unmarkRunning } from '#container/running-index.ts'
import { clearState, readState } from '#container/state.ts'
import { TspodError } from '#errors.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { moveToTrash } from '#storage/staging.ts'
import { nowTimestamp } from '#sys/clock.ts'
import { openKeptNamespace, type UserNamespace } from '#userns/user-namespace.ts'
import { journalEvent } from './journal.ts'
import type { Ending } from './monitor.ts'
import { type ChildMessage, type ExitMessage, encodeMessage } from './protocol.ts'

/** What cannot be recorded now (a full disk) is tried again after this, then ever more rarely. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000

/** What became of the record of an end. */
export interface Recorded {
  /** False where there was no space for it: `keepRecording` tries again. */
  isRecorded: boolean
  /** The container is to start again. */
  restart: PendingRestart | undefined
}

/** Records the end of a container; `announce` sends a message to every client. */
export async function recordEnding(
  child: ChildMessage,
  ending: Ending,
  announce: (message: Buffer) => void,
): Promise<Recorded> {
  const record = await exitRecordOf(child, ending)
  if (child.cgroupFolder !== undefined) await endCgroup(child, child.cgroupFolder)
  const message: ExitMessage = { exitCode: record.exitCode, oomKilled: record.oomKilled }
  if (record.error !== undefined) message.error = record.error
  const frame = encodeMessage('exit', message)
  // the journal first: who waits for a container that removes itself finds its exit code there
  if (!isFailedRestart(child, record)) journalEvent(child, 'died', { exitCode: record.exitCode })
  if (child.remove) {
    await runHooks(child, ending)
    const trash = hideContainer(child.graphRoot, child.id as ContainerId)
    announce(frame)
    if (trash !== undefined) await removeFor(child, trash)
    await endPodOf(child, undefined)
    return { isRecorded: true, restart: undefined }
  }
  const scratch = hideScratch(child) // before: afterwards another command may have started it again
  const isRecorded = recordNow(child, record)
  await runHooks(child, ending)
  announce(frame)
  if (scratch !== undefined) await removeTree(scratch, () => keptNamespace(child, scratch))
  await endPodOf(child, record.restart)
  return { isRecorded, restart: record.restart }
}

/** Loads nothing where its pod goes on without it. */
async function endPodOf(child: ChildMessage, restart: PendingRestart | undefined): Promise<void> {
  if (child.endsPod === undefined || restart !== undefined) return
  try {
    await (await import('./pod-ending.ts')).endPod(child, child.endsPod)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    journalEvent(child, 'pod-end-failed', { attributes: { error: text } })
  }
}

/**
 * Process 1 has ended, and with it its pid namespace; what ran outside of one (`--pid host`) ends here. systemd removes a scope by
 * itself, other groups are ours to remove.
 */
async function endCgroup(child: ChildMessage, folder: string): Promise<void> {
  const { killCgroup, removeCgroup } = await import('#cgroup/files.ts')
  try {
    killCgroup(folder)
    if (!folder.endsWith('.scope')) await removeCgroup(folder)
  } catch (error) {
    // the end is recorded all the same
    const text = error instanceof Error ? error.message : String(error)
    journalEvent(child, 'cgroup-failed', { attributes: { error: text } })
  }
}

/** Makes what was written over sources of mounts vanish; where it is now. */
function hideScratch({ hasScratch, graphRoot, folder }: ChildMessage): string | undefined {
  if (hasScratch !== true) return undefined
  try {
    return moveToTrash(graphRoot, join(folder, 'mounts'))
  } catch {
    return undefined // the next start begins anew all the same
  }
}

/**
 * Hooks that fail are told in the journal: nobody else listens any more. The command line that could not start the container has run
 * them itself.
 */
async function runHooks(child: ChildMessage, { failure }: Ending): Promise<void> {
  if (child.poststop === undefined || failure !== undefined) return
  const { runPoststop } = await import('#runtime/hooks.ts')
  const { settlePoststop } = await import('./poststop.ts')
  for (const error of runPoststop(child.poststop)) journalEvent(child, 'hook-failed', { attributes: { error } })
  settlePoststop(child.folder)
}

async function removeFor(child: ChildMessage, trash: string): Promise<void> {
  journalEvent(child, 'remove')
  const { graphRoot, id, name, anonymousVolumes } = child
  const hidden = { graphRoot, id: id as ContainerId, name, anonymousVolumes, trash }
  await disposeHidden(hidden, () => keptNamespace(child, trash))
}

function keptNamespace({ runRoot }: ChildMessage, trash: string): UserNamespace {
  const namespace = openKeptNamespace(runRoot)
  if (namespace !== undefined) return namespace
  throw new TspodError('NOT_FOUND', `removing "${trash}": nobody keeps the user's namespace any more`, {
    hint: 'the next sweep of the store removes it',
  })
}

async function exitRecordOf(child: ChildMessage, ending: Ending): Promise<ExitRecord> {
  const { status, durationNs, oomKilled, neverStarted, failure } = ending
  const record: ExitRecord = {
    version: 1,
    pid: child.pid,
    startTime: child.startTime,
    exitCode: failure?.exitCode ?? status.code,
    oomKilled,
    startedAt: child.startedAt,
    finishedAt: nowTimestamp(),
    durationMs: Number(durationNs / 1_000_000n),
  }
  if (status.signal !== undefined && !neverStarted) record.signal = status.signal
  if (neverStarted) {
    record.neverStarted = true
    record.error = failure?.message ?? 'the command that was starting it was ended before its program ran'
  }
  if (child.remove) return record
  const { afterwards } = await import('./restart-plan.ts')
  return { ...record, ...afterwards(child, ending, record) }
}

/** The monitor that wanted the restart is told, and has the record of the end before. */
function isFailedRestart({ restartPauseMs }: ChildMessage, { neverStarted }: ExitRecord): boolean {
  return neverStarted === true && restartPauseMs !== undefined
}

/** False where there is no space for it. */
function recordNow(child: ChildMessage, record: ExitRecord): boolean {
  if (isFailedRestart(child, record)) return true
  try {
    if (record.restart === undefined) unmarkRunning(child.folder) // before: afterwards another command may have started it again
    writeExitRecord(child.folder, record, true)
    if (record.neverStarted === true && readState(child.folder)?.pid === child.pid) clearState(child.folder)
    return true
  } catch {
    return false
  }
}

/** Nothing is lost by a full disk: the monitor stays until there is space, or somebody has removed the container. */
export async function keepRecording(child: ChildMessage, ending: Ending): Promise<void> {
  const record = await exitRecordOf(child, ending)
  const { existsSync } = await import('node:fs')
  for (let pauseMs = FIRST_PAUSE_MS; existsSync(child.folder); pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    if (recordNow(child, record)) return
  }
}
