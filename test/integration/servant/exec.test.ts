// Whether a program has taken over from a servant: proved, not guessed from a closed socket.
import { expect, test } from 'bun:test'
import { SystemCallError } from '#errors.ts'
import { openPipe, readFd } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, readProcessStat, waitProcess } from '#sys/process.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'

const runTrue = call('execve', '/bin/true', ['true'], [])
const suicide: Call[] = [call('getpid'), call('kill', { resultOf: 0 }, SIGKILL)]

/** A servant in the stub, as a container's process 1 is. */
function startStub(...keep: number[]): Servant {
  const seat = new Seat()
  using stub = openStub(seat)
  const servant = Servant.startIn(seat)
  servant.become(stubCalls(stub, seat, 'tspod: test', keep))
  return servant
}

function reap(servant: Servant): number | undefined {
  servant.close()
  return waitProcess(servant.pid)?.status.code
}

for (const [what, start] of [
  ['a servant', () => Servant.start()],
  ['a servant in the stub', () => startStub()],
] as const) {
  test(`${what} executes a program that goes on running`, () => {
    const servant = start()
    servant.exec([call('execve', '/bin/sleep', ['sleep', '100'], [])])
    expect(readProcessStat(servant.pid)).toMatchObject({ comm: 'sleep', parent: process.pid })
    killProcess(servant.pid, SIGKILL)
    expect(reap(servant)).toBe(137)
  })

  test(`${what} executes programs that end at once, a hundred times`, () => {
    for (let count = 0; count < 100; count++) {
      const servant = start()
      servant.exec([runTrue])
      expect(reap(servant)).toBe(0)
    }
  })

  test(`${what} that is killed before it executes is no success`, () => {
    for (let count = 0; count < 20; count++) {
      const servant = start()
      expect(() => servant.exec([...suicide, runTrue])).toThrow('ended before it had performed execve(/bin/true')
      expect(reap(servant)).toBe(137)
    }
  })

  test(`${what} that cannot execute says so, and can try another program`, () => {
    const servant = start()
    let error: unknown
    try {
      servant.exec([call('getpid'), call('execve', '/nowhere/at all', ['x', 'y'], [])])
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(SystemCallError)
    expect(error).toMatchObject({ syscall: 'execve', errno: 'ENOENT', callIndex: 1 })
    expect(String(error)).toContain('/nowhere/at all, [x y]')
    servant.exec([tolerate('any', call('execve', '/nowhere', ['x'], [])), runTrue])
    expect(reap(servant)).toBe(0)
  })
}

test('a batch for exec that does not execute is a mistake that is said', () => {
  const servant = Servant.start()
  expect(() => servant.exec([call('getpid')])).toThrow('should end in execve did not')
  expect(reap(servant)).toBe(127)
})

test('the child of a servant executes although its parent never reaps it', () => {
  const seat = new Seat()
  const parent = Servant.startIn(new Seat(), [seat])
  const child = parent.clone(seat)
  child.exec([runTrue])
  child.close()
  expect(readProcessStat(child.pid)?.parent).toBe(parent.pid)
  reap(parent)
})

test('a servant whose program somebody else has reaped counts as executed', () => {
  for (let count = 0; count < 50; count++) {
    const seat = new Seat()
    const parent = Servant.startIn(new Seat(), [seat])
    const child = parent.clone(seat)
    parent.post([call('wait4', child.pid, 0, 0, 0)])
    child.exec([runTrue])
    child.close()
    expect(parent.answer()).toEqual([child.pid])
    reap(parent)
  }
})

test('no descriptor of the master reaches the program', () => {
  const [reader, writer] = openPipe()
  const others = Array.from({ length: 20 }, () => openPipe())
  const servant = startStub(writer.number, ...others.flat().map(fd => fd.number))
  const other = Servant.start()
  servant.exec([
    call('dup3', writer.number, 1, 0),
    call('close_range', 3, 0xffff_ffff, 4),
    call('execve', '/bin/ls', ['ls', '/proc/self/fd'], []),
  ])
  writer.close()
  const listing = Buffer.alloc(4096)
  expect(listing.toString('latin1', 0, readFd(reader.number, listing))).toBe('0\n1\n2\n3\n') // 3 is the folder that ls reads
  expect(reap(servant)).toBe(0)
  reap(other)
  for (const fd of [reader, ...others.flat()]) fd.close()
})

test('a program gets its arguments and its environment, and nothing of ours', () => {
  const [reader, writer] = openPipe()
  const servant = Servant.start()
  const script = 'echo "$0 $1 $A"; env | grep -c TSPOD'
  servant.exec([
    call('dup3', writer.number, 1, 0),
    call('close_range', 3, 0xffff_ffff, 4),
    call('execve', '/bin/sh', ['sh', '-c', script, 'zero', 'ä b'], ['A=1 2']),
  ])
  writer.close()
  const said = Buffer.alloc(4096)
  let length = 0
  for (let got = 1; got > 0; length += got) got = readFd(reader.number, said.subarray(length))
  expect(said.toString('utf8', 0, length)).toBe('zero ä b 1 2\n0\n')
  reap(servant)
  reader.close()
})
