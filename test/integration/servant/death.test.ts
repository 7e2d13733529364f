// Deaths: of servants in every phase of their lives, and of their master at any instant. Nothing may hang, nothing may be left.
import { afterEach, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { CLONE_PARENT, SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { adoptOrphans, childrenLeft } from './processes.ts'

const longPause = call('nanosleep', { memory: new BigInt64Array([30n, 0n]) }, 0)
const suicide = [call('getpid'), call('kill', { resultOf: 0 }, SIGKILL)]

beforeAll(adoptOrphans)
afterEach(async () => expect(await childrenLeft()).toEqual([]))

/** Fails where a death is noticed by a deadline only. */
function expectGone(body: () => unknown): void {
  const started = performance.now()
  expect(body).toThrow('ended before it had performed')
  expect(performance.now() - started).toBeLessThan(5000)
}

test('a servant that dies before its first answer', () => {
  expectGone(() => Servant.start([], suicide))
})

test('a servant that dies between two batches', () => {
  const servant = Servant.start()
  servant.call('getpid')
  killProcess(servant.pid, SIGKILL)
  expectGone(() => servant.call('getpid'))
  servant.close()
})

test('a servant that dies between two batches and is reaped before the next', () => {
  const servant = Servant.start()
  killProcess(servant.pid, SIGKILL)
  waitProcess(servant.pid)
  expectGone(() => servant.call('getpid'))
  servant.close()
})

test('a servant that dies in a call that blocks', () => {
  const servant = Servant.start()
  servant.post([longPause])
  killProcess(servant.pid, SIGKILL)
  expectGone(() => servant.answer())
  servant.close()
})

test('a servant that dies in the stub', () => {
  const seat = new Seat()
  using stub = openStub(seat)
  const servant = Servant.startIn(seat)
  servant.become(stubCalls(stub, seat, 'tspod: test'))
  servant.post([longPause])
  killProcess(servant.pid, SIGKILL)
  expectGone(() => servant.answer())
  servant.close()
})

test('a servant that dies on its way into the stub', () => {
  const seat = new Seat()
  using stub = openStub(seat)
  const servant = Servant.startIn(seat)
  expectGone(() => servant.become([...suicide, ...stubCalls(stub, seat, 'tspod: test')]))
  servant.close()
})

test('a servant that dies while it shares the memory of its master', () => {
  const seat = new Seat()
  const servant = Servant.startStub(seat, [], [call('exit_group', 3)])
  expectGone(() => servant.call('getpid'))
  servant.close()
  waitProcess(servant.pid)
})

test('a servant that cannot execute the stub while it shares the memory of its master', () => {
  const seat = new Seat()
  const servant = Servant.startStub(seat, [], [call('execve', '/nowhere', ['x'], [])])
  expect(() => servant.call('getpid')).toThrow('execve "/nowhere')
  servant.close()
  waitProcess(servant.pid)
})

test('a servant that dies after it has cloned: its child goes on, and ends with its own master end', () => {
  const seat = new Seat()
  const parent = Servant.startIn(new Seat(), [seat])
  const child = parent.clone(seat)
  killProcess(parent.pid, SIGKILL)
  expectGone(() => parent.call('getpid'))
  expect(child.call('getpid')).toBe(child.pid)
  child.close()
  parent.close()
})

test('a child that dies: its parent goes on', () => {
  const seat = new Seat()
  const parent = Servant.startIn(new Seat(), [seat])
  const child = parent.clone(seat)
  killProcess(child.pid, SIGKILL)
  expectGone(() => child.call('getpid'))
  expect(parent.call('wait4', child.pid, 0, 0, 0)).toBe(child.pid)
  child.close()
  parent.close()
})

test('a servant that dies instead of cloning: the seat is given up, others go on', () => {
  const seat = new Seat()
  const parent = Servant.startIn(new Seat(), [seat])
  killProcess(parent.pid, SIGKILL)
  waitProcess(parent.pid)
  expectGone(() => parent.clone(seat, CLONE_PARENT))
  parent.close()
  const other = Servant.start()
  expect(other.call('getpid')).toBe(other.pid)
  other.close()
})

test('a master that is killed at any instant leaves no servant', async () => {
  for (let round = 0; round < 40; round++) {
    const master = Bun.spawn({
      cmd: [process.execPath, join(import.meta.dir, 'busy-master.ts')],
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    await master.stdout.getReader().read() // it has begun
    await Bun.sleep(Math.random() * 40)
    master.kill('SIGKILL')
    await master.exited
    expect(await childrenLeft()).toEqual([])
  }
}, 60_000)

test('a servant in a call that blocks when its master is killed ends with that call', async () => {
  const master = Bun.spawn({
    cmd: [process.execPath, join(import.meta.dir, 'busy-master.ts'), 'blocked'],
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  await master.stdout.getReader().read()
  master.kill('SIGKILL')
  await master.exited
  expect((await childrenLeft(0)).length).toBeGreaterThan(0)
  expect(await childrenLeft()).toEqual([])
})
