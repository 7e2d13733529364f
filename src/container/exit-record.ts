// exit.json: how a container's process 1 ended. Written by its monitor; read without locks by every command.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { during } from '#errors.ts'
import { formatTimestamp, parseTimestamp } from '#oci/timestamp.ts'
import { wallClockNs } from '#sys/clock.ts'
import type { ProcessIdentity } from '#sys/process.ts'

export interface ExitRecord {
  version: 1
  /** Of which process this tells; a record of an earlier run says nothing about the present one. */
  pid: number
  startTime: number
  /** 0-255, or 128 + signal (podman-run(1), Exit Status). */
  exitCode: number
  signal?: number
  oomKilled: boolean
  /** RFC 3339 with nanoseconds. A clock that was set in between makes them disagree with `durationMs`, which is right. */
  startedAt: string
  finishedAt: string
  durationMs: number
  /** The image's program was never executed: the container is `created`, and `error` says why. */
  neverStarted?: boolean
  error?: string
  /** How often it had been started again by its policy. */
  restarts?: number
  /** A user has stopped or killed it: `unless-stopped` leaves it so after a boot too. */
  endedByUser?: boolean
  /** It is to start again; taken away by whoever does not want that. */
  restart?: PendingRestart
}

/** A restart that a monitor waits for: while exactly that process lives, the container is `restarting`. */
export interface PendingRestart {
  process: ProcessIdentity
  bootId: string
  machineId: string
  /** Milliseconds since 1970. */
  dueMs: number
  pauseMs: number
  /** Restarts behind it once this one has happened. */
  count: number
}

/** Writes the record; `durable` survives a power cut. */
export function writeExitRecord(folder: string, record: ExitRecord, durable: boolean): void {
  replaceFile(`${folder}/exit.json`, JSON.stringify(record), durable)
}

/** The record, `undefined` where there is none or it is damaged. */
export function readExitRecord(folder: string): ExitRecord | undefined {
  const value: Partial<ExitRecord> | undefined = readJson(`${folder}/exit.json`)
  if (value === undefined || typeof value.exitCode !== 'number' || typeof value.pid !== 'number') return undefined
  return value as ExitRecord
}

/** What is recorded as exit code where nobody can know it. */
export const unknownExitCode = 255

/** Records the end of a process whose monitor was killed before it: that it ended, and why nobody knows how. */
export function recordUnknownEnd(
  folder: string,
  process: Pick<ExitRecord, 'pid' | 'startTime' | 'startedAt' | 'endedByUser'>,
): void {
  const { pid, startTime, startedAt, endedByUser } = process
  const now = wallClockNs()
  const record: ExitRecord = {
    version: 1,
    pid,
    startTime,
    exitCode: unknownExitCode,
    oomKilled: false,
    startedAt,
    finishedAt: formatTimestamp(now),
    durationMs: Number((now - (parseTimestamp(startedAt) ?? now)) / 1_000_000n),
    ...(endedByUser === true && { endedByUser }),
    error: 'its monitor was killed before it: how it ended is not known',
  }
  writeExitRecord(folder, record, true)
}

/** A file that is there whole or not at all: temporary name, fsync where `durable`, rename, fsync of the folder. */
export function replaceFile(path: string, text: string, durable: boolean): void {
  const staged = `${path}.${process.pid}`
  try {
    const fd = openSync(staged, 'w', 0o600)
    try {
      writeSync(fd, text)
      if (durable) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(staged, path)
    if (durable) syncFolder(path.slice(0, path.lastIndexOf('/')))
  } catch (error) {
    rmSync(staged, { force: true })
    throw during(`writing "${path}"`, error)
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The object in a JSON file; `undefined` where the file is missing, unreadable or half written. */
export function readJson(path: string): object | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // what cannot be read says nothing; callers fall back to what they can see themselves
  }
}
