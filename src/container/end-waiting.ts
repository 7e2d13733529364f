// Waiting for a container's process to begin, to end, and for its monitor to have recorded that. No lock is held meanwhile.
import { existsSync } from 'node:fs'
import { hasExecuted, isAlive, type ProcessIdentity } from '#sys/process.ts'
import { type Machine, readStatus, type StatusReport } from './state.ts'

const LONGEST_PAUSE_MS = 20
/** A monitor records the end at once; one that cannot (a full disk) is not waited for longer. */
const RECORDING_MS = 5000

/** Waits while a container is still being prepared, until the image's program is what its process runs. False after `timeoutMs`. */
export async function awaitStarted(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  return hasExecuted(process) || (await pollUntil(() => hasExecuted(process) || !isAlive(process), timeoutMs))
}

/** True when the process has ended; false when it still lives after `timeoutMs`. */
export async function awaitEnd(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  return await pollUntil(() => !isAlive(process), timeoutMs)
}

/** Waits until the end of a process that has ended is on record, or its container is gone, or nobody can record it any more. */
export async function awaitRecorded(folder: string, here: Machine): Promise<StatusReport> {
  await pollUntil(() => !isEnding(folder, here), RECORDING_MS)
  return readStatus(folder, here)
}

function isEnding(folder: string, here: Machine): boolean {
  const { status, isEnding: ending } = readStatus(folder, here)
  return status === 'stopping' && ending === true && existsSync(folder)
}

/** Looks again and again, ever more rarely; false when the time is over. */
async function pollUntil(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (isDone()) return true
    const leftMs = end - performance.now()
    if (leftMs <= 0) return false
    await new Promise(resolve => setTimeout(resolve, Math.min(pauseMs, leftMs)))
  }
}
