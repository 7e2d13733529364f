// Looking at processes: names with anything in them, identities that survive the reuse of numbers, statuses.
import { expect, test } from 'bun:test'
import { SIGKILL, SIGTERM } from '#sys/flags.ts'
import {
  decodeWaitStatus,
  isAlive,
  killProcess,
  openPidFd,
  ownIdentity,
  readProcessStat,
  signalProcess,
  waitProcess,
} from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'

test('a process whose name looks like the fields after it is read right', () => {
  using servant = Servant.start([], [call('prctl', 15, 'a) S 1 (b) ', 0, 0, 0)])
  expect(readProcessStat(servant.pid)).toMatchObject({
    comm: 'a) S 1 (b) ',
    pid: servant.pid,
    parent: process.pid,
    startTime: expect.any(Number),
  })
  servant.close()
  waitProcess(servant.pid)
  expect(readProcessStat(servant.pid)).toBeUndefined()
})

test('a process is alive until it ends, reaped or not, and never under another start time', () => {
  const servant = Servant.start()
  const identity = { pid: servant.pid, startTime: readProcessStat(servant.pid)?.startTime ?? 0 }
  expect(isAlive(identity)).toBe(true)
  expect(isAlive({ ...identity, startTime: identity.startTime + 1 })).toBe(false)
  expect(signalProcess({ ...identity, startTime: identity.startTime + 1 }, SIGKILL)).toBe(false)
  expect(isAlive(identity)).toBe(true)
  expect(signalProcess(identity, SIGKILL)).toBe(true)
  while (readProcessStat(servant.pid)?.state !== 'Z') Bun.sleepSync(1)
  expect(isAlive(identity)).toBe(false)
  expect(signalProcess(identity, SIGKILL)).toBe(false)
  servant.close()
  expect(waitProcess(servant.pid)?.status).toEqual({ code: 137, signal: SIGKILL })
  expect(killProcess(servant.pid, SIGTERM)).toBe(false)
  expect(openPidFd(servant.pid)).toBeUndefined()
})

test('polling for the end of a process that lives answers at once', () => {
  const servant = Servant.start()
  expect(waitProcess(servant.pid, true)).toBeUndefined()
  servant.close()
  expect(waitProcess(servant.pid)).toEqual({ pid: servant.pid, status: { code: 127, signal: undefined } })
  expect(waitProcess(servant.pid)).toBeUndefined()
})

test('wait statuses: exit codes, signals, a signal with a core dump', () => {
  expect([0x0000, 0x0300, 0xff00, 0x0009, 0x008b].map(decodeWaitStatus)).toEqual([
    { code: 0, signal: undefined },
    { code: 3, signal: undefined },
    { code: 255, signal: undefined },
    { code: 137, signal: 9 },
    { code: 139, signal: 11 },
  ])
})

test('the identity of this process is what /proc says of it', () => {
  expect(isAlive(ownIdentity())).toBe(true)
})
