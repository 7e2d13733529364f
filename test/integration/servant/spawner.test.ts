// A servant that clones the same child again and again, from a list of calls that was encoded once.
import { expect, test } from 'bun:test'
import { openPipe, readFd } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { closeOnExecFrom } from '#sys/servant/close-on-exec.ts'
import { type KeptBatch, keepBatch } from '#sys/servant/kept-batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { Spawner } from '#sys/servant/spawner.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'

/** A spawner whose children may write to this pipe, and what is to be undone. */
function open() {
  const [reader, writer] = openPipe()
  const [joinerSeat, seat] = [new Seat(), new Seat()]
  using stub = openStub(joinerSeat)
  const keep = [seat.theirsNumber, writer.number]
  const servant = Servant.startStub(joinerSeat, [seat], stubCalls(stub, joinerSeat, 'tspod: test', keep))
  const batch = (...argv: [string, ...string[]]): KeptBatch => {
    const calls: Call[] = [call('dup3', writer.number, 1, 0), ...closeOnExecFrom(3), call('execve', argv[0], argv, [])]
    return keepBatch(calls)
  }
  return { spawner: new Spawner(servant, seat), servantPid: servant.pid, batch, reader, writer }
}

test('a spawner starts one program after the other, and children of this process they are', () => {
  const { spawner, servantPid, batch, reader, writer } = open()
  const [say, fail] = [batch('/bin/echo', 'said'), batch('/bin/sh', '-c', 'exit 3')]
  const buffer = Buffer.alloc(64)
  for (let round = 0; round < 50; round++) {
    expect(waitProcess(spawner.spawn(say))?.status.code).toBe(0)
    expect(buffer.toString('utf8', 0, readFd(reader.number, buffer))).toBe('said\n')
    expect(waitProcess(spawner.spawn(fail))?.status.code).toBe(3)
    expect(spawner.hasFailed()).toBe(false)
  }
  spawner[Symbol.dispose]()
  expect(waitProcess(servantPid)?.status.code).toBe(127)
  for (const fd of [reader, writer]) fd.close()
})

test('a child that cannot execute its program says so, waits to be killed, and the next one works', () => {
  const { spawner, servantPid, batch, reader, writer } = open()
  const pid = spawner.spawn(batch('/nonexistent/program'))
  let hasFailed = spawner.hasFailed()
  for (let tries = 0; !hasFailed && tries < 500; tries++) {
    Bun.sleepSync(10)
    hasFailed = spawner.hasFailed()
  }
  expect(hasFailed).toBe(true)
  killProcess(pid, SIGKILL)
  expect(waitProcess(pid)?.status.signal).toBe(SIGKILL)
  expect(waitProcess(spawner.spawn(batch('/bin/true')))?.status.code).toBe(0)
  spawner[Symbol.dispose]()
  waitProcess(servantPid)
  for (const fd of [reader, writer]) fd.close()
})

test('a spawner that was killed is an error, not a child', () => {
  const { spawner, servantPid, batch, reader, writer } = open()
  const say = batch('/bin/true')
  expect(waitProcess(spawner.spawn(say))?.status.code).toBe(0)
  killProcess(servantPid, SIGKILL)
  waitProcess(servantPid)
  expect(() => spawner.spawn(say)).toThrow('ended before it had performed clone')
  spawner[Symbol.dispose]()
  for (const fd of [reader, writer]) fd.close()
})
