// Servants by the thousand, while the master's other threads work: no hang, and nothing left behind.
import { afterAll, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { waitProcess } from '#sys/process.ts'
import { call } from '#sys/servant/batch.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { childrenLeft, endServant, openDescriptors } from './processes.ts'

const compress = promisify(gzip)
const decompress = promisify(gunzip)
const DEADLINE_MS = 5000

/** Keeps HTTP, zlib and file reads busy on their threads until it is stopped; counts what was done. */
class Bustle {
  #isOver = false
  readonly done = { http: 0, zlib: 0, files: 0 }
  readonly #server = createServer((_, response) => void response.end('x'.repeat(20_000)))
  #loops: Promise<void>[] = []

  async start(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const { port } = this.#server.address() as AddressInfo
    const noise = crypto.getRandomValues(new Uint8Array(60_000))
    const works: (() => Promise<unknown>)[] = [
      async () => {
        await new Promise((resolve, reject) =>
          get({ port, host: '127.0.0.1', agent: false }, answer => answer.on('end', resolve).resume()).on(
            'error',
            reject,
          ),
        )
        this.done.http++
      },
      async () => {
        await decompress(await compress(noise))
        this.done.zlib++
      },
      async () => {
        await readFile('/proc/self/maps')
        await readFile(import.meta.path)
        this.done.files++
      },
    ]
    this.#loops = works.map(async work => {
      while (!this.#isOver) await work()
    })
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
    this.#server.close()
  }
}

afterAll(async () => expect(await childrenLeft()).toEqual([]))

test('5,000 servants live and end while HTTP, zlib and file reads run in the master', async () => {
  const bustle = new Bustle()
  await bustle.start()
  for (let life = 0; life < 5000; life++) {
    const servant = Servant.start([], [call('getpid')])
    const [pid, parent] = servant.do([call('getpid'), call('getppid')], DEADLINE_MS)
    if (pid !== servant.pid || parent !== process.pid) throw new Error(`life ${life}: ${pid} of ${parent}`)
    if (endServant(servant) !== 127) throw new Error(`life ${life} did not end by itself`)
    if (life % 10 === 0) await Bun.sleep(0)
  }
  await bustle.stop()
  expect(Math.min(...Object.values(bustle.done))).toBeGreaterThan(20)
}, 240_000) // a life costs 1 to 10 ms, by how dear a machine makes copied page tables; a hang ends with DEADLINE_MS

test('1,000 lives, with children, stubs, programs and errors, leave no descriptor open', () => {
  const live = (kind: number): void => {
    const seat = new Seat()
    using childSeat = new Seat()
    using stub = openStub(seat)
    const stubbed = stubCalls(stub, seat, 'tspod: test')
    const servant = kind === 4 ? Servant.startStub(seat, [], stubbed) : Servant.startIn(seat, [childSeat])
    if (kind === 0) servant.clone(childSeat).close()
    if (kind === 1) servant.become(stubbed)
    if (kind === 2) servant.exec([call('execve', '/bin/true', ['true'], [])], DEADLINE_MS)
    if (kind === 3) expect(() => servant.call('openat', -100, '/nowhere', 0)).toThrow('ENOENT')
    servant.close()
    waitProcess(servant.pid)
  }
  for (const kind of [0, 1, 2, 3, 4]) live(kind) // what is opened once for all
  const before = openDescriptors()
  for (let life = 0; life < 1000; life++) live(life % 5)
  expect(openDescriptors()).toEqual(before)
}, 30_000)

test('a servant ends when it is closed, although younger ones were cloned while it lived', () => {
  const older = Servant.start()
  using younger = Servant.start()
  expect(endServant(older)).toBe(127)
  expect(younger.call('getpid')).toBe(younger.pid)
  endServant(younger)
})

test('a dead servant is seen at once, although younger ones were cloned while its seat was open', () => {
  const seat = new Seat()
  const younger = Servant.start()
  const servant = Servant.startIn(seat)
  const started = performance.now()
  expect(() => servant.do([call('getpid'), call('kill', { resultOf: 0 }, 9)], DEADLINE_MS)).toThrow('ended before')
  expect(performance.now() - started).toBeLessThan(DEADLINE_MS / 2)
  endServant(servant)
  endServant(younger)
})
