// The health of a container, for those who look at it.
import { readHealth } from '#container/health-record.ts'
import type { Health, HealthStatus } from '#container/healthcheck.ts'
import type { SeenContainer } from './survey.ts'

/** Of its present or last run, with its last results; `undefined` where it has no check or was never started. */
export function seenHealth({ record, folder, report }: SeenContainer): Health | undefined {
  const run = report.state ?? report.exit
  if (record?.healthcheck === undefined || run === undefined) return undefined
  return readHealth(folder, record.healthcheck, run)
}

export function healthOf(container: SeenContainer): HealthStatus | undefined {
  return seenHealth(container)?.status
}
