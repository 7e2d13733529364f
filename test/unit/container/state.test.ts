import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExitRecord, writeExitRecord } from '#container/exit-record.ts'
import {
  type ContainerState,
  isRunning,
  readStatus,
  requireAllowed,
  thisMachine,
  thisProcess,
  writeState,
} from '#container/state.ts'

const here = thisMachine('/')
const nobody = { pid: 2 ** 22 + 1, startTime: 1 }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tspod-state-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const record = (changes: Partial<ContainerState> = {}): void =>
  writeState(folder, {
    version: 1,
    ...here,
    ...thisProcess(),
    monitor: nobody,
    startedAt: '2026-01-02T03:04:05.000000000Z',
    ...changes,
  })
const exit = (changes: Partial<ExitRecord> = {}): void =>
  writeExitRecord(
    folder,
    {
      version: 1,
      ...thisProcess(),
      exitCode: 3,
      oomKilled: false,
      startedAt: '',
      finishedAt: '',
      durationMs: 1,
      ...changes,
    },
    false,
  )
const status = () => readStatus(folder, here).status

test('without a record of a process a container is created', () => {
  expect(status()).toBe('created')
})

test('it runs if exactly the recorded process lives', () => {
  record()
  expect(status()).toBe('running')
  record({ startTime: thisProcess().startTime + 1 })
  expect(status()).toBe('exited')
  record(nobody)
  expect(status()).toBe('exited')
})

test('a zombie does not run', async () => {
  // the shell execs into sleep, which never waits for the child that the shell had
  const parent = Bun.spawn(['sh', '-c', 'sleep 0.01 & echo $!; exec sleep 30'], { stdout: 'pipe' })
  const { value } = await parent.stdout.getReader().read()
  const pid = Number(Buffer.from(value ?? []).toString())
  const { readProcessStat } = await import('#sys/process.ts')
  record({ pid, startTime: readProcessStat(pid)?.startTime ?? 0 })
  for (let tries = 0; tries < 200 && readProcessStat(pid)?.state !== 'Z'; tries++) await Bun.sleep(10)
  expect(readProcessStat(pid)?.state).toBe('Z')
  expect(status()).toBe('exited')
  parent.kill()
})

test('after a boot it has exited, whoever has its number now', () => {
  record({ bootId: 'another' })
  expect(status()).toBe('exited')
})

test('a record of another machine is running elsewhere, until its end is recorded', () => {
  record({ machineId: 'another', bootId: 'another' })
  expect(status()).toBe('elsewhere')
  exit()
  expect(status()).toBe('exited')
})

test('the record of an earlier run says nothing about this one', () => {
  exit({ startTime: 1 })
  record()
  expect(status()).toBe('running')
  expect(readStatus(folder, here).exit).toBeUndefined()
})

test('a process that has ended is stopping while its monitor can still record it', () => {
  record({ ...nobody, monitor: thisProcess() })
  const report = readStatus(folder, here)
  expect(report.status).toBe('stopping')
  expect(isRunning(report)).toBe(false)
})

test('it is stopping only while whoever stops it lives', () => {
  record({ stopper: thisProcess() })
  expect(status()).toBe('stopping')
  expect(isRunning(readStatus(folder, here))).toBe(true)
  record({ stopper: nobody })
  expect(status()).toBe('running')
})

test('a program that could not be executed leaves the container created, with the reason', () => {
  exit({ neverStarted: true, exitCode: 127, error: 'not found' })
  expect(status()).toBe('created')
  expect(readStatus(folder, here).exit?.error).toBe('not found')
})

test('half-written files say nothing and harm nobody', () => {
  for (const garbage of ['', '{', 'null', '[]', '{"pid":"x"}', '{"pid":1}']) {
    for (const name of ['state.json', 'exit.json']) writeFileSync(join(folder, name), garbage)
    expect(status()).toBe('created')
  }
})

test('a refusal has the words that scripts know', () => {
  record()
  const report = readStatus(folder, here)
  expect(() => requireAllowed('remove', 'abc', report)).toThrow(
    'cannot remove container abc as it is running - running or paused containers cannot be removed without force: container state improper',
  )
  exit()
  expect(() => requireAllowed('kill', 'abc', readStatus(folder, here))).toThrow(
    'can only kill running containers. abc is in state exited: container state improper',
  )
})
