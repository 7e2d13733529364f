// The cases of user-defined networks: what one adds to a start, names, and what the helpers hold.
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Case } from './cases.ts'
import { type Arena, run } from './engines.ts'
import { compete, summarise } from './harness.ts'
import { anonymousOf } from './memory.ts'
import { hostPrograms } from './network.ts'

const median = (values: number[]) => summarise(values).medianMs

/** A network with one container on it, so that its namespace runs. */
export async function withNetwork<T>({ tspod, env }: Arena, work: (network: string) => Promise<T>): Promise<T> {
  const network = `bench${process.pid}`
  await run(tspod, env, 'network', 'create', network)
  try {
    await run(tspod, env, 'run', '-d', '--name', 'resident', '--network', network, 'alpine', 'sleep', '10000')
    return await work(network)
  } finally {
    await run(tspod, env, 'network', 'rm', '-f', '-t', '0', network)
  }
}

const startCase: Case = {
  name: 'what a user-defined network adds to run --rm',
  run: async (arena, turns) =>
    await withNetwork(arena, async network => {
      const { tspod, env } = arena
      const start = (name: string, where: string) => ({
        name,
        command: () => [...tspod.command, 'run', '--rm', '--network', where, 'alpine', 'true'],
      })
      const timings = await compete([start('none', 'none'), start('network', network)], turns, env)
      const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
      const found = (values.network ?? Number.NaN) - (values.none ?? Number.NaN)
      const bars = [{ what: 'network - none, ms', found, atMost: 10 }]
      return { name: startCase.name, unit: 'ms', values, timings: Object.fromEntries(timings), bars }
    }),
}

const nameCase: Case = {
  name: 'names at 2,000 questions a second',
  run: async (arena, turns) =>
    await withNetwork(arena, async network => {
      const { tspod, env } = arena
      const script = join(import.meta.dir, 'dns-client.pl')
      const found: number[] = []
      for (let round = 0; round < Math.max(3, Math.round(turns / 10)); round++) {
        const options = ['--rm', '--network', network, ...hostPrograms, '-v', `${script}:/client.pl:ro`, 'alpine']
        found.push(
          Number(await run(tspod, env, 'run', ...options, '/usr/bin/perl', '/client.pl', 'resident', '2000', '3')),
        )
      }
      const values = { tspod: median(found) }
      return { name: nameCase.name, unit: 'ms', values, bars: [{ what: 'ms', found: values.tspod, atMost: 1 }] }
    }),
}

const memoryCase: Case = {
  name: 'memory of the helpers of all networks',
  run: async arena =>
    await withNetwork(arena, async network => {
      const { tspod, env } = arena
      const measure = async () => {
        const pids = await helpers(join(env.XDG_RUNTIME_DIR ?? '', 'tspod/network'))
        let bytes = 0
        for (const pid of pids) bytes += await anonymousOf(tspod, env, String(pid))
        return bytes
      }
      const settle = 4000 // after two seconds without work, what it used goes back
      await Bun.sleep(settle)
      const one = await measure()
      // so many that what grows once, with the first starts, is not taken for a part of each
      const more = 60
      let next = 0
      const lane = async () => {
        while (next++ < more) await run(tspod, env, 'run', '-d', '--network', network, 'alpine', 'sleep', '10000')
      }
      await Promise.all([lane(), lane(), lane(), lane()])
      await Bun.sleep(settle)
      const all = await measure()
      const values = { 'with one': one / 1e6, [`with ${more + 1}`]: all / 1e6, 'each more': (all - one) / more / 1e6 }
      const bars = [
        { what: 'MB', found: all / 1e6, atMost: 12 },
        { what: 'MB each', found: values['each more'], atMost: 0.064 },
      ]
      return { name: memoryCase.name, unit: 'MB', values, bars }
    }),
}

/** The service, its watcher, its servant, slirp4netns, as the service itself says. */
async function helpers(socketPath: string): Promise<number[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(socketPath, () => socket.write('{"op":"status"}\n'))
    socket.on('error', reject)
    let received = ''
    socket.on('data', data => {
      received += data.toString()
      if (!received.endsWith('\n')) return
      socket.destroy()
      resolve(received)
    })
  })
  const { ok } = JSON.parse(text) as { ok: { pid: number; watcher: number; hands: number; uplink?: number } }
  return [ok.pid, ok.watcher, ok.hands, ...(ok.uplink === undefined ? [] : [ok.uplink])]
}

export const userNetworkCases: Case[] = [startCase, nameCase, memoryCase]
