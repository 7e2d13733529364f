// Locks on files: who gets them, who waits, and that a dead holder gives them back.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SIGKILL } from '#sys/flags.ts'
import { openLock, tryLock, withFileLock } from '#sys/lock.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('one holder excludes the other, readers share', () => {
  const path = join(folder, 'a')
  const holder = tryLock(path)
  expect(holder).toBeDefined()
  expect(tryLock(path)).toBeUndefined()
  expect(tryLock(path, true)).toBeUndefined()
  holder?.close()
  using first = tryLock(path, true)
  using second = tryLock(path, true)
  expect([first?.isOpen, second?.isOpen]).toEqual([true, true])
  expect(tryLock(path)).toBeUndefined()
})

test('whoever waits gets the lock when it is free', async () => {
  const path = join(folder, 'b')
  const order: string[] = []
  const held = tryLock(path)
  const waiting = withFileLock(path, () => order.push('second'))
  await Bun.sleep(20)
  order.push('first')
  held?.close()
  await waiting
  expect(order).toEqual(['first', 'second'])
  expect(tryLock(path)?.close()).toBeUndefined() // given back
})

test('a lock is given back when its body throws', async () => {
  const path = join(folder, 'c')
  const failing = withFileLock(path, () => Promise.reject(new Error('in the body')))
  expect(await failing.catch(String)).toContain('in the body')
  using again = tryLock(path)
  expect(again).toBeDefined()
})

test('waiting ends with an error that names the file', async () => {
  const path = join(folder, 'd')
  using _held = tryLock(path)
  expect(await openLock(path, { timeoutMs: 30 }).catch(String)).toContain(path)
})

test('a process that is killed gives its lock back', () => {
  const path = join(folder, 'e')
  const servant = Servant.start()
  servant.do([call('openat', -100, path, 0o102, 0o600), call('flock', { resultOf: 0 }, 2)])
  expect(tryLock(path)).toBeUndefined()
  killProcess(servant.pid, SIGKILL)
  servant.close()
  waitProcess(servant.pid)
  using free = tryLock(path)
  expect(free).toBeDefined()
})
