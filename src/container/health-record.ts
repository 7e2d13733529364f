// health.json: the health of a container in its present or last run. Written by its monitor and by `healthcheck run`, read without locks by
// every command. Where both write at once, one of two results is lost, which the next one makes up for.
import type { ProcessIdentity } from '#sys/process.ts'
import { readJson, replaceFile } from './exit-record.ts'
import { type Health, type Healthcheck, newHealth } from './healthcheck.ts'

interface HealthRecord extends Health {
  version: 1
  /** The run that this tells of. */
  pid: number
  startTime: number
}

/** Not synced: it is worth nothing after a boot. */
export function writeHealth(folder: string, { pid, startTime }: ProcessIdentity, health: Health): void {
  const record: HealthRecord = { version: 1, pid, startTime, ...health }
  replaceFile(`${folder}/health.json`, JSON.stringify(record), false)
}

/** The health of this very run; `starting` where nothing is recorded of it. */
export function readHealth(folder: string, check: Healthcheck, run: ProcessIdentity): Health {
  const record: Partial<HealthRecord> | undefined = readJson(`${folder}/health.json`)
  if (record?.pid !== run.pid || record.startTime !== run.startTime) return newHealth(check)
  const { status = 'starting', failingStreak = 0, log = [], startup } = record
  return { status, failingStreak, log, ...(startup && { startup }) }
}
