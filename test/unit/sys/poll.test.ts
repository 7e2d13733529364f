// Waiting on descriptors, signals as bytes, descriptors sent along: on this process's own pipes and sockets.
import { expect, test } from 'bun:test'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPipe, openSocketPair, readFd, writeFully } from '#sys/fd.ts'
import { O_NONBLOCK, SIGWINCH, SOCK_STREAM } from '#sys/flags.ts'
import { HANGUP, Poller, READABLE, WRITABLE } from '#sys/poll.ts'
import { SignalRelay } from '#sys/signal-relay.ts'
import { acceptUnix, connectUnix, listenUnix, receiveDescriptor, sendDescriptor } from '#sys/socket.ts'

const SIGUSR1 = 10
const SIGUSR2 = 12

test('Poller calls the handler of what is ready, and says when time has passed without', () => {
  using poller = new Poller()
  const [reader, writer] = openPipe()
  const seen: number[] = []
  poller.watch(reader.number, READABLE, events => seen.push(events))
  const started = performance.now()
  expect(poller.wait(30)).toBe(false)
  expect(performance.now() - started).toBeGreaterThan(20)
  writeFully(writer.number, Buffer.from('x'))
  expect(poller.wait(1000)).toBe(true)
  expect(seen).toEqual([READABLE])
  writer.close()
  readFd(reader.number, Buffer.alloc(1))
  poller.wait(1000)
  expect(seen).toEqual([READABLE, HANGUP])
  reader.close()
})

test('Poller watches other events of a descriptor it knows, and forgets one', () => {
  using poller = new Poller()
  const [a, b] = openSocketPair(SOCK_STREAM)
  const seen: number[] = []
  poller.watch(a.number, READABLE, events => seen.push(events))
  poller.watch(a.number, READABLE | WRITABLE, events => seen.push(events))
  expect(poller.size).toBe(1)
  poller.wait(1000)
  expect(seen).toEqual([WRITABLE])
  poller.unwatch(a.number)
  expect(poller.size).toBe(0)
  expect(poller.wait(10)).toBe(false)
  a.close()
  b.close()
})

test('Poller treats a regular file as always ready', () => {
  using poller = new Poller()
  const fd = openSync(import.meta.path, 'r')
  let calls = 0
  poller.watch(fd, READABLE, () => calls++)
  expect([poller.wait(1000), poller.wait(1000), calls]).toEqual([true, true, 2])
  poller.watch(fd, 0, () => calls++)
  expect([poller.wait(10), calls]).toEqual([false, 2])
  poller.unwatch(fd)
  closeSync(fd)
})

test('Poller does not call a handler that an earlier one has unwatched', () => {
  using poller = new Poller()
  const pairs = [openPipe(), openPipe()]
  let calls = 0
  for (const [reader, writer] of pairs) {
    writeFully(writer.number, Buffer.from('x'))
    poller.watch(reader.number, READABLE, () => {
      calls++
      for (const [other] of pairs) if (other !== reader) poller.unwatch(other.number)
    })
  }
  poller.wait(1000)
  expect(calls).toBe(1)
  for (const fd of pairs.flat()) fd.close()
})

test('SignalRelay turns signals into bytes, in order, and gives the former handlers back', () => {
  let handled = 0
  const count = () => void handled++
  process.on('SIGUSR2', count)
  const relay = new SignalRelay([SIGUSR1, SIGUSR2, SIGWINCH])
  expect(relay.take()).toEqual([])
  for (const signal of [SIGUSR1, SIGWINCH, SIGUSR2, SIGUSR1]) process.kill(process.pid, signal)
  using poller = new Poller()
  poller.watch(relay.fd, READABLE, () => {})
  expect(poller.wait(1000)).toBe(true)
  expect(relay.take().toSorted((a, b) => a - b)).toEqual([SIGUSR1, SIGUSR1, SIGUSR2, SIGWINCH])
  relay[Symbol.dispose]()
  expect(handled).toBe(0)
  process.kill(process.pid, SIGUSR2)
  return new Promise<void>(resolve => setTimeout(resolve, 50)).then(() => {
    process.off('SIGUSR2', count)
    expect(handled).toBeGreaterThan(0) // Bun may call it twice for one signal
  })
})

test('a descriptor goes over a socket, and the end of it is seen', () => {
  const [a, b] = openSocketPair(SOCK_STREAM)
  const [reader, writer] = openPipe()
  sendDescriptor(a.number, writer.number)
  writer.close()
  using received = receiveDescriptor(b.number)
  expect(received?.number).toBeGreaterThan(2)
  writeSync(received?.number ?? -1, 'through')
  const text = Buffer.alloc(16)
  expect(text.toString('latin1', 0, readFd(reader.number, text))).toBe('through')
  writeFully(a.number, Buffer.from('x'))
  expect(receiveDescriptor(b.number)).toBeUndefined() // a byte without a descriptor
  a.close()
  expect(receiveDescriptor(b.number)).toBeUndefined()
  b.close()
  reader.close()
})

test('a unix socket in a folder with a name of any length', () => {
  const folder = mkdtempSync(join(tmpdir(), `${'long'.repeat(30)}-`))
  using listener = listenUnix(folder, 'socket')
  expect(acceptUnix(listener.number)).toBeUndefined()
  using client = connectUnix(folder, 'socket')
  using server = acceptUnix(listener.number)
  writeFully(client.number, Buffer.from('hello'))
  const text = Buffer.alloc(16)
  expect(text.toString('latin1', 0, readFd(server?.number ?? -1, text))).toBe('hello')
  using _again = listenUnix(folder, 'socket') // what was there is replaced
  using second = connectUnix(folder, 'socket')
  expect(second.isOpen).toBe(true)
  expect(() => connectUnix(folder, 'nobody')).toThrow('ENOENT')
  rmSync(folder, { recursive: true })
})

test('reading from a non-blocking descriptor with nothing in it is EAGAIN, not a wait', () => {
  const [reader, writer] = openPipe(O_NONBLOCK)
  expect(() => readFd(reader.number, Buffer.alloc(1))).toThrow('EAGAIN')
  reader.close()
  writer.close()
})
