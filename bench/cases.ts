// The cases of the benchmark, each with the bar it must meet as a ratio to podman or to bare runc.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeOciLayout } from '#test/setup/oci-layout.ts'
import { writeTar } from '#test/setup/tar.ts'
import { buildCases } from './build.ts'
import { type Arena, type Engine, run } from './engines.ts'
import { type Contestant, compete, summarise, type Timing } from './harness.ts'
import { lifeCases } from './life.ts'
import { idleMemory } from './memory.ts'
import { neighbourCase } from './neighbours.ts'
import { networkCases } from './network.ts'
import { userNetworkCases } from './user-networks.ts'

export interface Outcome {
  name: string
  unit: 'ms' | '%' | 'MB' | 'Gbit/s' | 'per s'
  /** per contestant, in the unit */
  values: Record<string, number>
  /** milliseconds with their spread, where the case is timed by turns */
  timings?: Record<string, Timing>
  bars: { what: string; found: number; atMost: number }[]
}

export interface Case {
  name: string
  run: (arena: Arena, turns: number) => Promise<Outcome>
}

const both = ({ tspod, podman }: Arena) => [tspod, podman]

function contestant(engine: Engine, ...args: string[]): Contestant {
  return { name: engine.name, command: () => [...engine.command, ...args] }
}

function outcome(name: string, timings: Map<string, Timing>, bars: [against: string, atMost: number][]): Outcome {
  const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
  const ours = values.tspod ?? Number.NaN
  return {
    name,
    unit: 'ms',
    values,
    timings: Object.fromEntries(timings),
    bars: bars.map(([against, atMost]) => ({
      what: `tspod/${against}`,
      found: ours / (values[against] ?? Number.NaN),
      atMost,
    })),
  }
}

/** A bundle for runc with the same root file system and the same program; it shares the host's network. */
async function makeBundle(arena: Arena): Promise<string> {
  const bundle = join(arena.home, 'bundle')
  if (existsSync(bundle)) return bundle
  mkdirSync(join(bundle, 'rootfs'), { recursive: true })
  execFileSync('tar', [
    '-xf',
    join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.rootfs.tar'),
    '-C',
    join(bundle, 'rootfs'),
  ])
  execFileSync('runc', ['spec', '--rootless'], { cwd: bundle })
  const file = join(bundle, 'config.json')
  const spec = (await Bun.file(file).json()) as { process: { terminal: boolean; args: string[] } }
  spec.process.terminal = false
  spec.process.args = ['true']
  writeFileSync(file, JSON.stringify(spec))
  return bundle
}

const startCase = (name: string, options: string[]): Case => ({
  name,
  async run(arena, turns) {
    const bundle = await makeBundle(arena)
    const runc = ['runc', '--root', join(arena.env.XDG_RUNTIME_DIR ?? '', 'runc'), 'run', '-b', bundle]
    const contestants = both(arena).map(engine => contestant(engine, 'run', '--rm', ...options, 'alpine', 'true'))
    contestants.push({ name: 'runc', command: turn => [...runc, `bench-${turn + 1}`] })
    return outcome(name, await compete(contestants, turns, arena.env), [
      ['podman', 0.2],
      ['runc', 1.2],
    ])
  },
})

const lookCase = (name: string, ...args: string[]): Case => ({
  name,
  async run(arena, turns) {
    const contestants = both(arena).map(engine => contestant(engine, ...args))
    return outcome(name, await compete(contestants, turns, arena.env), [['podman', 0.45]])
  },
})

const execCase: Case = {
  name: 'exec',
  async run(arena, turns) {
    for (const engine of both(arena))
      await run(engine, arena.env, 'run', '-d', '--name', 'target', '--network', 'none', 'alpine', 'sleep', '10000')
    const timings = await compete(
      both(arena).map(engine => ({
        ...contestant(engine, 'exec', 'target', 'true'),
        // podman's exec leaves a process behind that cleans up after it, in the next one's time
        before: async () => await Bun.sleep(500),
      })),
      turns,
      arena.env,
    )
    for (const engine of both(arena)) await run(engine, arena.env, 'rm', '-f', '-t', '0', 'target')
    return outcome('exec', timings, [['podman', 0.15]])
  },
}

const pullCase: Case = {
  name: 'pull, one layer of 130 MB',
  async run(arena, turns) {
    const contestants = both(arena).map(engine => ({
      ...contestant(engine, 'pull', '-q', 'big'),
      after: async () => void (await run(engine, arena.env, 'rmi', '-f', 'big')),
    }))
    return outcome(this.name, await compete(contestants, Math.max(2, Math.round(turns / 8)), arena.env), [
      ['podman', 0.35],
    ])
  },
}

/** Layers that nobody has compressed yet, to a repository that has nothing: both engines gzip and send all of it, every time. */
const pushCase: Case = {
  name: 'push, one layer of 130 MB, with gzip',
  async run(arena, turns) {
    const archive = join(process.env.TSPOD_TEST_FIXTURES ?? '', 'big.tar')
    const data = join(arena.home, '.local/share')
    // what an earlier push has left: compressed layers, and where they are already
    const remembered = [join(data, 'tspod/packed'), join(data, 'containers/cache')]
    const contestants = both(arena).map(engine => ({
      name: engine.name,
      command: (turn: number) => [
        ...engine.command,
        'push',
        '-q',
        '--tls-verify=false',
        'big',
        `${arena.registry}/bench/${engine.name}-${process.pid}-${turn + 1}:1`,
      ],
      async before() {
        await run(engine, arena.env, 'rmi', '-f', 'big').catch(() => undefined) // there is none before the first turn
        for (const path of remembered) rmSync(path, { recursive: true, force: true })
        await run(engine, arena.env, 'load', '-q', '-i', archive)
      },
    }))
    const timings = await compete(contestants, Math.max(2, Math.round(turns / 8)), arena.env)
    for (const engine of both(arena)) await run(engine, arena.env, 'rmi', '-f', 'big')
    return outcome(this.name, timings, [['podman', 0.5]])
  },
}

const saveCase: Case = {
  name: 'save, one layer of 130 MB',
  async run(arena, turns) {
    const file = join(arena.home, 'saved.tar')
    for (const engine of both(arena)) await run(engine, arena.env, 'pull', '-q', 'big')
    const contestants = both(arena).map(engine => ({
      ...contestant(engine, 'save', '-q', '-o', file, 'big'),
      after: async () => rmSync(file),
    }))
    const timings = await compete(contestants, Math.max(2, Math.round(turns / 8)), arena.env)
    for (const engine of both(arena)) await run(engine, arena.env, 'rmi', '-f', 'big')
    return outcome(this.name, timings, [['podman', 0.5]])
  },
}

const hundredCase: Case = {
  name: '100 detached, 8 at a time',
  async run(arena, turns) {
    const times: Record<string, number[]> = { tspod: [], podman: [] }
    for (let round = 0; round < Math.max(1, Math.round(turns / 15)); round++)
      for (const engine of both(arena)) {
        const started = performance.now()
        let next = 0
        const lane = async () => {
          while (next++ < 100) await run(engine, arena.env, 'run', '-d', 'alpine', 'sleep', '10000')
        }
        await Promise.all(Array.from({ length: 8 }, lane))
        times[engine.name]?.push(performance.now() - started)
        await run(engine, arena.env, 'rm', '-a', '-f', '-t', '0')
      }
    const timings = new Map(Object.entries(times).map(([name, found]) => [name, summarise(found)]))
    return outcome(this.name, timings, [['podman', 0.35]])
  },
}

const memoryCase: Case = {
  name: 'private memory of one idle container',
  async run(arena) {
    const values: Record<string, number> = {}
    for (const engine of both(arena)) {
      const id = await run(engine, arena.env, 'run', '-d', 'alpine', 'sleep', '10000')
      await Bun.sleep(1500)
      values[engine.name] = (await idleMemory(engine, arena.env, id)) / 1e6
      await run(engine, arena.env, 'rm', '-f', '-t', '0', id)
    }
    return {
      name: this.name,
      unit: 'MB',
      values,
      bars: [{ what: 'MB', found: values.tspod ?? Number.NaN, atMost: 4.5 }],
    }
  },
}

const fullStoreCase: Case = {
  name: 'with 1,000 stopped containers and 500 images',
  async run(arena, turns) {
    const { tspod, env, home } = arena
    const full: Engine = { name: 'tspod', command: [...tspod.command, '--root', join(home, 'full')] }
    const layout = join(home, 'many')
    for (let i = 0; i < 500; i++) {
      const tar = writeTar([{ name: 'number', type: '0', text: `${i}` }])
      writeOciLayout(layout, {
        name: `localhost/many:${i}`,
        layers: [{ tar, compression: 'gzip' }],
        config: { Cmd: ['true'] },
      })
    }
    execFileSync('tar', ['-C', layout, '-cf', join(home, 'many.tar'), '.'])
    await run(full, env, 'load', '-q', '-i', join(home, 'many.tar'))
    await run(full, env, 'pull', '-q', 'alpine')
    for (let i = 0; i < 1000; i++) await run(full, env, 'create', 'alpine', 'true')
    const values: Record<string, number> = {}
    const bars: Outcome['bars'] = []
    for (const args of [
      ['ps', '-q'],
      ['run', '--rm', '--network', 'none', 'alpine', 'true'],
    ]) {
      const verb = args.slice(0, 1).join()
      const timings = await compete(
        [
          { ...contestant(tspod, ...args), name: `${verb}, empty` },
          { ...contestant(full, ...args), name: `${verb}, full` },
        ],
        turns,
        env,
      )
      for (const [name, { medianMs }] of timings) values[name] = medianMs
      bars.push({
        what: `${verb} full/empty`,
        found: (values[`${verb}, full`] ?? 0) / (values[`${verb}, empty`] ?? 0),
        atMost: 1.5,
      })
    }
    await run(full, env, 'rm', '-a', '-f')
    return { name: this.name, unit: 'ms', values, bars }
  },
}

export const cases: Case[] = [
  startCase('run --rm, no network', ['--network', 'none']),
  startCase('run --rm, default network', []),
  execCase,
  lookCase('ps', 'ps', '-a'),
  lookCase('images', 'images'),
  lookCase('inspect', 'image', 'inspect', 'alpine'),
  lookCase('version', 'version'),
  pullCase,
  pushCase,
  saveCase,
  hundredCase,
  memoryCase,
  fullStoreCase,
  ...lifeCases,
  ...buildCases,
  ...networkCases,
  ...userNetworkCases,
  neighbourCase,
]
