// logs: the output of containers as their log files have it, and, following, as it comes.

import { parseLogConfig } from '#container/log-config.ts'
import type { RecordedEntry } from '#container/log-entry.ts'
import { type FileLogConfig, LogReader } from '#container/log-reader.ts'
import { type ContainerRecord, containerDir, readRecord } from '#container/record.ts'
import { isRunning, readStatus } from '#container/state.ts'
import type { ContainerName, LogEntry, LogOptions } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { parseTimestamp } from '#oci/timestamp.ts'
import { findOne } from './select.ts'
import { machineOf } from './survey.ts'

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 100

type OnEntry = (entry: LogEntry) => void | Promise<void>

/** The verb: one container after the other, or all at the same time where they are followed. */
export async function readLogs(names: ContainerName[], options: LogOptions, onEntry: OnEntry): Promise<void> {
  const engine = await openEngine()
  const records = names.map(name => readRecord(engine.graphRoot, findOne(engine, name)))
  const logs = records.map(record => ({ record, config: logConfigOf(engine, record) }))
  if (options.follow) await Promise.all(logs.map(async log => await readLog(engine, log, options, onEntry)))
  else for (const log of logs) await readLog(engine, log, options, onEntry)
}

interface Log {
  record: ContainerRecord
  config: FileLogConfig
}

function logConfigOf(engine: Engine, { id, logDriver, request }: ContainerRecord): FileLogConfig {
  const config = parseLogConfig(logDriver, request.logOpts, containerDir(engine.graphRoot, id))
  if ('path' in config) return config
  throw new TspodError('UNSUPPORTED', `this container is using the '${logDriver}' log driver, cannot read logs`, {
    hint: 'containers made with --log-driver k8s-file or json-file keep their output',
  })
}

async function readLog(engine: Engine, { record, config }: Log, options: LogOptions, onEntry: OnEntry): Promise<void> {
  const { id, name } = record
  const isWanted = timeFilter(options)
  using reader = new LogReader(config)
  const pass = async (entries: Iterable<RecordedEntry>): Promise<void> => {
    for (const entry of entries) {
      if (options.signal?.aborted === true) return
      if (!isWanted(entry.time)) continue
      const passed = onEntry({ id, name, ...entry })
      if (passed !== undefined) await passed
    }
  }
  if (options.tail !== undefined) await pass(reader.tail(options.tail))
  for (let pauseMs = FIRST_PAUSE_MS; ; ) {
    // asked before reading: what a container wrote before it ended is in the file by then
    const isLast = !options.follow || isOver(engine, record, options)
    let count = 0
    await pass(counted(reader.take(), () => count++))
    if (isLast || options.signal?.aborted === true) return
    pauseMs = count > 0 ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}

function* counted<T>(items: Iterable<T>, onItem: () => void): Generator<T> {
  for (const item of items) {
    onItem()
    yield item
  }
}

/** True when nothing more can come: its monitor has closed the log, or the time that was asked for is over. */
function isOver(engine: Engine, { id }: ContainerRecord, { untilMs }: LogOptions): boolean {
  if (untilMs !== undefined && Date.now() > untilMs) return true
  const report = readStatus(containerDir(engine.graphRoot, id), machineOf(engine))
  return (
    !isRunning(report) && report.isEnding !== true && report.status !== 'elsewhere' && report.status !== 'restarting'
  )
}

function timeFilter({ sinceMs, untilMs }: LogOptions): (time: string) => boolean {
  if (sinceMs === undefined && untilMs === undefined) return () => true
  const since = BigInt(Math.trunc(sinceMs ?? 0)) * 1_000_000n
  const until = untilMs === undefined ? undefined : BigInt(Math.trunc(untilMs)) * 1_000_000n
  return text => {
    const time = parseTimestamp(text)
    return time === undefined || (time >= since && (until === undefined || time <= until))
  }
}
