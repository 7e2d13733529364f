// Monitors with real processes, pipes and sockets; a shell command stands where the container's process would be.
import { afterEach, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connectToMonitor } from '#monitor/client/connect.ts'
import { type ContainerOutcome, type ContainerSession, runContainerSession } from '#monitor/client/container-session.ts'
import { decodePayload, encodeMessage, MessageReader, type MessageType } from '#monitor/protocol.ts'
import { readEventsForward } from '#storage/journal.ts'
import { readFd, writeFully } from '#sys/fd.ts'
import { killProcess } from '#sys/process.ts'
import { needs } from '#test/needs.ts'
import { FakeContainer, type FakeOptions } from './fake-container.ts'

const running: FakeContainer[] = []
afterEach(() => {
  for (const container of running.splice(0)) container[Symbol.dispose]()
})

function launch(command: string, options: FakeOptions = {}): FakeContainer {
  const container = new FakeContainer(command, options)
  running.push(container)
  return container
}

interface Heard {
  stdout: Buffer
  stderr: Buffer
  exit: { exitCode: number; error?: string } | undefined
}

/** Reads what a monitor says until it has said everything, at most `bytesPerRead` at once. */
function listen(socket: number, bytesPerRead = 65536): Heard {
  const pieces = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  let exit: Heard['exit']
  const reader = new MessageReader()
  const buffer = Buffer.alloc(bytesPerRead)
  for (let got = readFd(socket, buffer); got > 0; got = exit === undefined ? readFd(socket, buffer) : 0)
    reader.push(buffer.subarray(0, got), (type: MessageType, payload) => {
      if (type === 'stdout' || type === 'stderr') pieces[type].push(Buffer.from(payload))
      if (type === 'exit') exit = decodePayload(payload) as Heard['exit']
    })
  return { stdout: Buffer.concat(pieces.stdout), stderr: Buffer.concat(pieces.stderr), exit }
}

const attach = (socket: number, stdin = false): void =>
  writeFully(socket, encodeMessage('attach', { stdin, stdout: true, stderr: true }))

/** The output that a k8s-file log holds. */
function logged(log: string, stream: string): string {
  const lines = log.split('\n').slice(0, -1)
  return lines
    .map(line => / (stdout|stderr) ([FP]) (.*)$/s.exec(line))
    .flatMap(match => (match?.[1] === stream ? [match[3] + (match[2] === 'F' ? '\n' : '')] : []))
    .join('')
}

test('both streams and the exit status arrive, and are on record', () => {
  const container = launch('echo out; echo err >&2; printf tail; exit 7')
  attach(container.control.number)
  container.start()
  const heard = listen(container.control.number)
  expect(heard.stdout.toString()).toBe('out\ntail')
  expect(heard.stderr.toString()).toBe('err\n')
  expect(heard.exit).toEqual({ exitCode: 7, oomKilled: false } as Heard['exit'])
  const record = container.exit()
  expect(record).toMatchObject({ exitCode: 7, pid: container.pid, oomKilled: false })
  expect(record.signal).toBeUndefined()
  expect(logged(container.log, 'stdout')).toBe('out\ntail')
  expect([...readEventsForward(container.root)].map(({ status }) => status)).toEqual(['init', 'start', 'died'])
  container.control.close()
  container.waitForMonitor()
  expect(existsSync(join(container.runRoot, container.id.slice(0, 12)))).toBe(false)
})

test('output that comes before the command line attaches is not missed', () => {
  const container = launch('echo early; sleep 0.3; echo late')
  container.start()
  Bun.sleepSync(150)
  attach(container.control.number)
  expect(listen(container.control.number).stdout.toString()).toBe('early\nlate\n')
})

test('a process killed by a signal ends with 128 and its number', () => {
  const container = launch('kill -9 $$')
  attach(container.control.number)
  container.start()
  expect(listen(container.control.number).exit?.exitCode).toBe(137)
  expect(container.exit()).toMatchObject({ exitCode: 137, signal: 9 })
})

test('20 MB arrive byte for byte, at the client and in the log, although the client is slow', () => {
  const lines = 'seq 1 2700000'
  const container = launch(lines)
  attach(container.control.number)
  container.start()
  const expected = Bun.spawnSync(['sh', '-c', lines]).stdout
  const heard = listen(container.control.number, 3000)
  expect(Bun.hash(heard.stdout)).toBe(Bun.hash(expected))
  expect(Bun.hash(logged(container.log, 'stdout'))).toBe(Bun.hash(expected))
}, 60_000)

test('the command line is killed: the container lives on, and its end is on record', () => {
  const container = launch('sleep 0.3; echo after; exit 3')
  container.start()
  container.control.close()
  expect(container.exit().exitCode).toBe(3)
  expect(logged(container.log, 'stdout')).toBe('after\n')
})

test('the command line dies before the program is executed: the container was never started', () => {
  const container = launch('echo never')
  Bun.sleepSync(100)
  container.abandon()
  expect(container.exit()).toMatchObject({ neverStarted: true })
  container.waitForMonitor()
})

test('a program that cannot be executed is recorded with the reason', () => {
  const container = launch('echo never')
  container.fail({ message: 'no such program', exitCode: 127 })
  expect(container.exit()).toMatchObject({ neverStarted: true, error: 'no such program', exitCode: 127 })
})

test('the command line dies before it has said anything: nothing stays', () => {
  const container = launch('sleep 30', { silent: true })
  container.abandon()
  container.waitForMonitor()
  expect(container.isChildAlive).toBe(false)
})

test('standard input arrives in order, also where the container is slow, and ends', () => {
  const container = launch('sleep 0.3; md5sum', { child: { openStdin: true } })
  attach(container.control.number, true)
  container.start()
  const input = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `${index}\n`).join(''))
  for (let at = 0; at < input.byteLength; at += 60_000)
    writeFully(container.control.number, encodeMessage('stdin', input.subarray(at, at + 60_000)))
  writeFully(container.control.number, encodeMessage('stdinEof'))
  const digest = new Bun.CryptoHasher('md5').update(input).digest('hex')
  expect(listen(container.control.number).stdout.toString()).toStartWith(digest)
})

test('with stdinOnce the input ends when whoever feeds it is killed, without it stays open', async () => {
  const container = launch('cat; echo ended', { child: { openStdin: true, stdinOnce: true } })
  attach(container.control.number, true)
  container.start()
  container.control.close()
  expect(container.exit().exitCode).toBe(0)
  expect(logged(container.log, 'stdout')).toBe('ended\n')
  const other = launch('head -1', { child: { openStdin: true } })
  attach(other.control.number, true)
  other.start()
  other.control.close()
  using next = await connectToMonitor(other.runRoot, other.id)
  attach(next.number, true)
  writeFully(next.number, encodeMessage('stdin', Buffer.from('second\n')))
  expect(listen(next.number).stdout.toString()).toBe('second\n')
})

test('several clients see the same, and come back after the runtime folder has vanished', async () => {
  const container = launch('while sleep 0.05; do echo tick; done')
  container.start()
  container.control.close()
  const socketPath = join(container.runRoot, container.id.slice(0, 12), 'attach')
  for (let tries = 0; tries < 200 && !existsSync(socketPath); tries++) await Bun.sleep(10)
  rmSync(container.runRoot, { recursive: true, force: true })
  using first = await connectToMonitor(container.runRoot, container.id)
  using second = await connectToMonitor(container.runRoot, container.id)
  attach(first.number)
  attach(second.number)
  await Bun.sleep(300)
  killProcess(container.pid, 15)
  for (const { number } of [first, second]) {
    const heard = listen(number)
    expect(heard.stdout.toString()).toStartWith('tick\ntick\n')
    expect(heard.exit?.exitCode).toBe(143)
  }
})

test('a client that stops reading holds the container up for a while, not for ever, and misses nothing', () => {
  const container = launch('seq 1 600000; touch done')
  attach(container.control.number)
  container.start()
  Bun.sleepSync(3000)
  expect(existsSync(join(container.root, 'done'))).toBe(false)
  const record = container.exit(30_000)
  expect(record.exitCode).toBe(0)
  expect(record.durationMs).toBeGreaterThan(8000)
  const expected = Bun.spawnSync(['seq', '1', '600000']).stdout
  expect(Bun.hash(listen(container.control.number).stdout)).toBe(Bun.hash(expected))
  expect(Bun.hash(logged(container.log, 'stdout'))).toBe(Bun.hash(expected))
}, 60_000)

test('a client that is killed holds nobody up', () => {
  const container = launch('seq 1 600000')
  attach(container.control.number)
  container.start()
  Bun.sleepSync(300)
  container.control.close()
  expect(container.exit(5000).exitCode).toBe(0)
})

test('the reader of the starter’s output goes: the program gets a broken pipe', () => {
  const container = launch('trap "exit 9" PIPE; while echo y; do :; done 2>/dev/null; exit 8')
  attach(container.control.number)
  container.start()
  Bun.sleepSync(200)
  writeFully(container.control.number, encodeMessage('outputClosed', { stream: 'stdout' }))
  expect([8, 9]).toContain(listen(container.control.number).exit?.exitCode ?? -1)
})

test('descendants that hold the streams do not keep the end from being told', () => {
  const container = launch('sleep 20 & echo done; exit 2')
  attach(container.control.number)
  container.start()
  const heard = listen(container.control.number)
  expect(heard.stdout.toString()).toBe('done\n')
  expect(container.exit()).toMatchObject({ exitCode: 2 })
  expect(container.exit().durationMs).toBeLessThan(3000)
})

/** Until a process handles this signal (proc(5), SigCgt): on a busy machine a monitor may take its time. */
function untilHandled(pid: number, signal: number): void {
  const isHandled = (): boolean => {
    const [, caught = '0'] = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
  }
  for (let waitedMs = 0; !isHandled() && waitedMs < 15_000; waitedMs += 10) Bun.sleepSync(10)
}

test('a monitor that is asked to end stops the container and records it', () => {
  const container = launch('trap "" TERM; sleep 30; sleep 30')
  container.start()
  container.control.close()
  untilHandled(container.monitorPid, 15)
  Bun.sleepSync(300) // the shell's trap
  killProcess(container.monitorPid, 15)
  expect(container.exit()).toMatchObject({ exitCode: 137, signal: 9 })
})

test('a monitor that is killed leaves the container alone', () => {
  const container = launch('sleep 30')
  container.start()
  Bun.sleepSync(200)
  killProcess(container.monitorPid, 9)
  container.waitForMonitor()
  expect(container.isChildAlive).toBe(true)
})

test('with --rm the container is gone when its end is told, and the journal has its exit code', () => {
  const container = launch('exit 5', { child: { remove: true } })
  attach(container.control.number)
  container.start()
  expect(listen(container.control.number).exit?.exitCode).toBe(5)
  expect(existsSync(container.folder)).toBe(false)
  container.control.close()
  container.waitForMonitor()
  const events = [...readEventsForward(container.root)]
  expect(events.map(({ status }) => status)).toEqual(['init', 'start', 'died', 'remove'])
  expect(events[2]?.exitCode).toBe(5)
  expect(Bun.spawnSync(['find', join(container.root, 'tmp'), '-mindepth', '1']).stdout.toString()).toBe('')
})

test('a log that cannot be opened refuses the container, with the reason', () => {
  const container = launch('echo never', { child: { logOpts: { path: '/proc/nowhere/ctr.log' } } })
  const reader = new MessageReader()
  const buffer = Buffer.alloc(4096)
  const heard: [MessageType, string][] = []
  for (let got = readFd(container.control.number, buffer); got > 0; got = readFd(container.control.number, buffer))
    reader.push(buffer.subarray(0, got), (type, payload) => heard.push([type, payload.toString()]))
  expect(heard[0]?.[0]).toBe('refused')
  expect(heard[0]?.[1]).toContain('ENOENT')
  expect(container.isChildAlive).toBe(false)
})

test('a session ends with the container’s status, and one without an end is lost', () => {
  const session = (container: FakeContainer): ContainerOutcome =>
    runContainerSession(container.control, { ...quiet, signal: number => void killProcess(container.pid, number) })
  const quiet: Omit<ContainerSession, 'signal'> = {
    wanted: { stdin: false, stdout: false, stderr: false, sigProxy: false },
    tty: false,
    detachKeys: '',
    isStarter: true,
  }
  const container = launch('exit 6')
  container.start()
  expect(session(container)).toMatchObject({ kind: 'exited', exitCode: 6 })
  const other = launch('sleep 20')
  other.start()
  Bun.sleepSync(100)
  killProcess(other.monitorPid, 9)
  expect(session(other)).toEqual({ kind: 'lost' })
})

test('json-file and none are kept as asked', () => {
  const json = launch('echo hi', { child: { logDriver: 'json-file' } })
  json.start()
  json.control.close()
  json.exit()
  expect(JSON.parse(readFileSync(json.logPath, 'utf8'))).toMatchObject({ log: 'hi\n', stream: 'stdout' })
  const none = launch('echo hi', { child: { logDriver: 'none' } })
  none.start()
  none.control.close()
  none.exit()
  expect(existsSync(none.logPath)).toBe(false)
})

needs('tiny-disk')('a log on a full disk loses lines, says so, and leaves the container alone', () => {
  const disk = mkdtempSync(join(process.env.TSPOD_TEST_TINY_DISK ?? '', 'log-'))
  const path = join(disk, 'ctr.log')
  const container = launch('read; seq 1 500; read; echo after', { child: { openStdin: true, logOpts: { path } } })
  attach(container.control.number, true)
  container.start()
  Bun.spawnSync(['dd', 'if=/dev/zero', `of=${join(disk, 'fill')}`, 'bs=4096'])
  writeFully(container.control.number, encodeMessage('stdin', Buffer.from('go\n')))
  Bun.sleepSync(500)
  rmSync(join(disk, 'fill'))
  writeFully(container.control.number, encodeMessage('stdin', Buffer.from('go\n')))
  expect(listen(container.control.number).exit?.exitCode).toBe(0)
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.at(-2)).toMatch(
    / stderr F tspod: \d+ bytes of output are missing here: writing the log failed with ENOSPC$/,
  )
  expect(lines.at(-1)).toEndWith(' stdout F after')
  rmSync(disk, { recursive: true })
})
