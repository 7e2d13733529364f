// What a servant does with a list of calls: results, results passed on, errors, tolerated errors, deadlines.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readSync } from 'node:fs'
import { SystemCallError } from '#errors.ts'
import { openPipe } from '#sys/fd.ts'
import { waitProcess } from '#sys/process.ts'
import { call, tolerate } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { endServant } from './processes.ts'

let servant: Servant
beforeAll(() => {
  servant = Servant.start()
})
afterAll(() => {
  endServant(servant)
})

function errorOf(body: () => unknown): SystemCallError {
  try {
    body()
  } catch (error) {
    if (error instanceof SystemCallError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('every call of a batch has its result', () => {
  expect(servant.do([call('getpid'), call('getppid'), call('umask', 0o22)])).toEqual([
    servant.pid,
    process.pid,
    expect.any(Number),
  ])
  expect(servant.do([])).toEqual([])
})

test('a result is an argument of later calls, twice', () => {
  const text = 'passed on'
  const [fd = -1, written, position, closed] = servant.do([
    call('memfd_create', 'test', 0),
    call('write', { resultOf: 0 }, text, text.length),
    call('lseek', { resultOf: 0 }, 0, 1),
    call('close', 3), // whatever it is: the result counts
  ])
  expect([written, position, closed]).toEqual([text.length, text.length, 0])
  servant.call('close', fd)
})

test('a result that is used three times is refused before anything is done', () => {
  const used = call('lseek', { resultOf: 0 }, 0, 1)
  expect(() => servant.do([call('memfd_create', 'test', 0), used, used, used])).toThrow('more than twice')
  expect(servant.call('getpid')).toBe(servant.pid)
})

test('a result is stored into memory that a later call reads', () => {
  const [reader, writer] = openPipe()
  using other = Servant.start()
  const bytes = new Uint8Array(16).fill(0xee)
  other.do([call('getpid'), call('write', writer.number, { memory: bytes, patch: { offset: 8, resultOf: 0 } }, 16)])
  const seen = Buffer.alloc(16)
  expect(readSync(reader.number, seen)).toBe(16)
  expect(seen.readBigUInt64LE(0)).toBe(0xeeee_eeee_eeee_eeeen)
  expect(seen.readBigUInt64LE(8)).toBe(BigInt(other.pid))
  expect(bytes[8]).toBe(0xee) // the caller's memory is copied, never written
  endServant(other)
  reader.close()
  writer.close()
})

test('memory may point to other memory', () => {
  const [reader, writer] = openPipe()
  using other = Servant.start()
  const vector = Buffer.alloc(32)
  vector.writeBigUInt64LE(5n, 8)
  vector.writeBigUInt64LE(6n, 24)
  other.do([
    call(
      'writev',
      writer.number,
      {
        memory: vector,
        pointers: [
          { offset: 0, to: 'hello' },
          { offset: 16, to: { memory: Buffer.from(' there') } },
        ],
      },
      2,
    ),
  ])
  const seen = Buffer.alloc(64)
  expect(seen.toString('latin1', 0, readSync(reader.number, seen))).toBe('hello there')
  endServant(other)
  reader.close()
  writer.close()
})

test('an error names the call, its arguments and the errno, and where the batch stopped', () => {
  const error = errorOf(() =>
    servant.do([call('getpid'), call('mkdirat', -100, '/proc/no such place', 0o700), call('exit_group', 3)]),
  )
  expect(error).toMatchObject({ syscall: 'mkdirat', errno: 'ENOENT', callIndex: 1, code: 'NOT_FOUND' })
  expect(error.message).toBe('mkdirat "-100, /proc/no such place, 0x1c0": ENOENT (no such file or directory)')
  expect(servant.call('getpid')).toBe(servant.pid) // what followed was not done
})

test('a tolerated errno lets the batch go on, any other one does not', () => {
  const missing = call('chdir', '/nowhere')
  expect(servant.do([tolerate('ENOENT', missing), call('getpid')])).toEqual([-2, servant.pid])
  expect(servant.do([tolerate('any', missing), call('getpid')])).toEqual([-2, servant.pid])
  expect(errorOf(() => servant.do([tolerate('EACCES', missing), call('getpid')]))).toMatchObject({
    errno: 'ENOENT',
    callIndex: 0,
  })
})

test('a tolerated error is passed on as a result: the next call fails with it', () => {
  const error = errorOf(() =>
    servant.do([tolerate('any', call('openat', -100, '/nowhere', 0)), call('fchdir', { resultOf: 0 })]),
  )
  expect(error).toMatchObject({ syscall: 'fchdir', errno: 'EBADF', callIndex: 1 })
})

test('a batch that takes too long is given up, its servant killed, and its memory never used again', () => {
  const [reader, writer] = openPipe()
  const slow = Servant.start()
  const started = performance.now()
  expect(() => slow.do([call('getpid'), call('read', reader.number, { memory: new Uint8Array(8) }, 8)], 100)).toThrow(
    'getpid, read did not end within 0.1 s',
  )
  expect(performance.now() - started).toBeLessThan(3000)
  slow.close()
  expect(waitProcess(slow.pid)?.status.code).toBe(137)
  for (let count = 0; count < 50; count++) expect(servant.do([call('getpid')])).toEqual([servant.pid])
  reader.close()
  writer.close()
})

test('a batch of a servant that was given up while it works does not disturb others', () => {
  const slow = Servant.start()
  const pause = { memory: new BigInt64Array([0n, 150_000_000n]) }
  slow.post([call('nanosleep', pause, 0), ...Array.from({ length: 200 }, () => call('getppid'))])
  slow.close() // it goes on, in its old memory
  const end = performance.now() + 400
  while (performance.now() < end) {
    const others = Servant.start()
    const calls = Array.from({ length: 40 }, () => call('getpid'))
    expect(new Set(others.do(calls))).toEqual(new Set([others.pid]))
    endServant(others)
  }
  expect(waitProcess(slow.pid)?.status.code).toBe(127)
})

test('two batches cannot be under way in one servant', () => {
  servant.post([call('getpid')])
  expect(() => servant.post([call('getpid')])).toThrow('has a batch under way')
  expect(servant.answer()).toEqual([servant.pid])
  expect(() => servant.answer()).toThrow('no batch is under way')
})

test('a NUL byte in a string is refused, and the arena is free again', () => {
  expect(() => servant.call('chdir', 'a\0b')).toThrow('contains a NUL byte')
  for (let count = 0; count < 20; count++) expect(servant.call('getpid')).toBe(servant.pid)
})

test('a list of calls that does not fit is refused in words', () => {
  expect(() => servant.call('chdir', 'x'.repeat(5 << 20))).toThrow('needs more than 4 MiB')
  expect(servant.call('getpid')).toBe(servant.pid)
})

test('a first call that fails ends the servant and leaves nothing to reap', () => {
  const error = errorOf(() => Servant.start([], [call('chdir', '/nowhere')]))
  expect(error).toMatchObject({ syscall: 'chdir', errno: 'ENOENT' })
  const seats = Array.from({ length: 1100 }, () => {
    using seat = new Seat()
    return seat.mailbox
  })
  expect(new Set(seats).size).toBe(1) // mailboxes come back
})
