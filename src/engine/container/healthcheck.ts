// healthcheck run: the check of a container, now. Its result counts as one of the monitor's.
import { readHealth, writeHealth } from '#container/health-record.ts'
import { actionAfter, afterResult, currentTest, type HealthAction, type HealthResult } from '#container/healthcheck.ts'
import type { ContainerId } from '#container/record.ts'
import { isPaused } from '#container/state.ts'
import type { ContainerName } from '#engine/contracts/container.ts'
import { openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { processAgeMs } from '#host/process-table.ts'
import { runCheck } from '#monitor/health-run.ts'
import { killContainers } from './kill.ts'
import { restartContainers } from './restart.ts'
import { findOne } from './select.ts'
import { stopContainers } from './stop.ts'
import { seeContainer } from './survey.ts'

/** The verb: the result. Throws where there is no check, or the container does not run. */
export async function runHealthcheck(name: ContainerName): Promise<HealthResult> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const seen = seeContainer(engine, id)
  const { healthcheck, name: containerName, image, labels } = seen.requireRecord()
  if (healthcheck === undefined)
    throw new TspodError('INVALID', `container ${id} has no defined healthcheck`, { hint: '--health-cmd defines one' })
  const { state } = seen.report
  if (!seen.isRunning || state === undefined) throw new TspodError('CONFLICT', `container ${id} is not running`)
  if (isPaused(state)) throw new TspodError('CONFLICT', `container ${id} is paused: a check would not get anywhere`)
  const { mode } = await engine.namespace()
  const { test, timeoutMs } = currentTest(healthcheck, readHealth(seen.folder, healthcheck, state))
  const result = await runCheck({ ...state, folder: seen.folder }, mode === 'single', test, timeoutMs)
  const before = readHealth(seen.folder, healthcheck, state)
  const isStarting = processAgeMs(state.startTime) < healthcheck.startPeriodMs
  const after = afterResult(healthcheck, before, result, isStarting)
  writeHealth(seen.folder, state, after)
  if (after.status !== before.status)
    engine.journal({
      type: 'container',
      status: 'health_status',
      id,
      name: containerName,
      image: image?.name ?? '',
      attributes: { ...labels, health_status: after.status },
    })
  await act(id, actionAfter(healthcheck, before, after))
  return result
}

async function act(id: ContainerId, action: HealthAction): Promise<void> {
  const selection = { names: [id], all: false, filters: [], ignoreMissing: true }
  if (action === 'kill') await killContainers(selection, { signal: 'KILL' })
  else if (action === 'stop') await stopContainers(selection, {})
  else if (action === 'restart') await restartContainers(selection, { runningOnly: true })
}
