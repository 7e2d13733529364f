// The cases of what goes on while containers run: a look at what fifty of them use, and what a health check each second costs.
import { readdirSync, readFileSync } from 'node:fs'
import type { Case, Outcome } from './cases.ts'
import { type Arena, type Engine, run } from './engines.ts'
import { compete } from './harness.ts'

const CONTAINERS = 50
const WATCHED_SECONDS = 30

/** podman refuses `stats` to rootless users without cgroup v2. */
async function canShowStatistics(engine: Engine, { env }: Arena): Promise<boolean> {
  return await run(engine, env, 'stats', '--no-stream').then(
    () => true,
    () => false,
  )
}

const statsCase: Case = {
  name: `stats --no-stream of ${CONTAINERS} containers`,
  async run(arena, turns) {
    const engines: Engine[] = [arena.tspod]
    await run(arena.podman, arena.env, 'run', '-d', '--network', 'none', 'alpine', 'sleep', '10000')
    if (await canShowStatistics(arena.podman, arena)) engines.push(arena.podman)
    else console.error('  podman shows no statistics here: it wants cgroup v2')
    for (const engine of engines)
      for (let made = 0; made < CONTAINERS; made++)
        await run(engine, arena.env, 'run', '-d', '--network', 'none', 'alpine', 'sleep', '10000')
    const timings = await compete(
      engines.map(({ name, command }) => ({ name, command: () => [...command, 'stats', '--no-stream'] })),
      turns,
      arena.env,
    )
    for (const engine of [arena.tspod, arena.podman]) await run(engine, arena.env, 'rm', '-a', '-f', '-t', '0')
    const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
    const { tspod = Number.NaN, podman } = values
    const bars: Outcome['bars'] =
      podman === undefined ? [] : [{ what: 'tspod/podman', found: tspod / podman, atMost: 0.2 }]
    return { name: this.name, unit: 'ms', values, timings: Object.fromEntries(timings), bars }
  },
}

/** Nanoseconds that all threads of a process have run (proc(5), schedstat). */
function processorTime(pid: string): number {
  return readdirSync(`/proc/${pid}/task`)
    .map(thread => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, each) => sum + each, 0)
}

const healthCase: Case = {
  name: 'a health check each second: processor time of the monitor',
  async run({ tspod, env }) {
    const check = ['--health-cmd', 'true', '--health-interval', '1s']
    const id = await run(tspod, env, 'run', '-d', '--network', 'none', ...check, 'alpine', 'sleep', '10000')
    await run(tspod, env, 'wait', '--condition', 'healthy', id)
    const monitor = await run(tspod, env, 'inspect', '-f', '{{.State.ConmonPid}}', id)
    const [before, started] = [processorTime(monitor), performance.now()]
    await Bun.sleep(WATCHED_SECONDS * 1000)
    const share = (processorTime(monitor) - before) / 1e6 / (performance.now() - started)
    await run(tspod, env, 'rm', '-f', '-t', '0', id)
    const percent = 100 * share
    return {
      name: this.name,
      unit: '%',
      values: { tspod: percent },
      bars: [{ what: '% of a processor', found: percent, atMost: 0.3 }],
    }
  },
}

export const lifeCases: Case[] = [statsCase, healthCase]
