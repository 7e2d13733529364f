// wait: returns when containers have come to a state.
import type { HealthStatus } from '#container/healthcheck.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { isLost, isRunning, readStatus, type StatusReport } from '#container/state.ts'
import type { ContainerName, WaitOptions, WaitOutcome } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { readEventsBackward } from '#storage/journal.ts'
import { healthOf } from './health.ts'
import { findOne } from './select.ts'
import { machineOf, seeContainer } from './survey.ts'

const FIRST_PAUSE_MS = 5

interface Watched {
  input: string
  /** Absent for one that was missing from the beginning. */
  id?: ContainerId
  folder: string
  exitCode?: number
}

/** The verb. Throws NOT_FOUND for an unknown container, before it waits for the others. */
export async function waitContainers(names: ContainerName[], options: WaitOptions): Promise<WaitOutcome[]> {
  const engine = await openEngine()
  const watched = names.map(name => watch(engine, name, options.ignoreMissing))
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, options.intervalMs)) {
    for (const one of watched) one.exitCode ??= await look(engine, one, options.conditions)
    const done = watched.filter(({ exitCode }) => exitCode !== undefined)
    if (options.firstMatch && done.length > 0) return done.slice(0, 1).map(outcomeOf)
    if (done.length === watched.length) return watched.map(outcomeOf)
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}

function watch(engine: Engine, name: ContainerName, ignoreMissing: boolean): Watched {
  const input = typeof name === 'string' ? name : 'latest'
  try {
    const id = findOne(engine, name)
    return { input, id, folder: containerDir(engine.graphRoot, id) }
  } catch (error) {
    if (!ignoreMissing || !hasCode(error, 'NOT_FOUND')) throw error
    return { input, folder: '', exitCode: -1 }
  }
}

/** The exit code once a condition is met: -1 for a container that has not ended. */
async function look(
  engine: Engine,
  { id, folder }: Watched,
  conditions: WaitOptions['conditions'],
): Promise<number | undefined> {
  if (id === undefined) return -1
  let report = readStatus(folder, machineOf(engine))
  if (isLost(report)) {
    await (await import('./settle.ts')).settleLost(engine, id)
    report = readStatus(folder, machineOf(engine))
  }
  if (report.status === 'created' && !isThere(engine, id)) return exitCodeOfRemoved(engine, id)
  const waitsForEnd = conditions.includes('exited')
  if (waitsForEnd && report.status === 'created') return report.exit?.exitCode ?? 0 // there is nothing to wait for
  if (conditions.includes(report.status)) return exitCodeOf(report)
  if (!conditions.some(isHealth)) return undefined
  const health = healthOf(seeContainer(engine, id))
  if (health !== undefined && conditions.some(each => each === health) && isRunning(report)) return exitCodeOf(report)
  if (conditions.every(isHealth)) requireHealthToCome(id, health, report)
  return undefined
}

/** What will never be is not waited for. */
function requireHealthToCome(id: ContainerId, health: HealthStatus | undefined, { status }: StatusReport): void {
  if (health === undefined && status !== 'created')
    throw new TspodError('INVALID', `container ${id} has no health check: its health cannot be waited for`)
  if (status === 'exited')
    throw new TspodError('CONFLICT', `container ${id} has ended: its health cannot be waited for any more`)
}

const isHealth = (condition: string): boolean => condition === 'healthy' || condition === 'unhealthy'

function exitCodeOf({ status, exit }: StatusReport): number {
  return status === 'exited' ? (exit?.exitCode ?? -1) : -1
}

function isThere(engine: Engine, id: ContainerId): boolean {
  try {
    readRecord(engine.graphRoot, id)
    return true
  } catch (error) {
    return !hasCode(error, 'NOT_FOUND')
  }
}

/** A container that removed itself (--rm) has left its exit code in the journal. */
function exitCodeOfRemoved(engine: Engine, id: ContainerId): number {
  for (const event of readEventsBackward(engine.graphRoot))
    if (event.id === id && event.status === 'died') return event.exitCode ?? -1
  return -1
}

function outcomeOf({ input, exitCode = -1 }: Watched): WaitOutcome {
  return { input, exitCode }
}
