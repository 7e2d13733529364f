// The cases of networks: what -p adds to a start, throughput in both directions, connections a second. iperf3 and wrk are this machine's;
// in containers its programs are bound over the image.
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Case, Outcome } from './cases.ts'
import { type Arena, type Engine, run } from './engines.ts'
import { compete, type Environment, summarise } from './harness.ts'

/** One engine with one network. */
interface Lane {
  name: string
  engine: Engine
  network: string
}

function lanes({ tspod, podman }: Arena): Lane[] {
  return [
    { name: 'tspod slirp4netns', engine: tspod, network: 'slirp4netns' },
    { name: 'tspod pasta', engine: tspod, network: 'pasta' },
    { name: 'tspod user-defined', engine: tspod, network: 'bridge' },
    { name: 'podman slirp4netns', engine: podman, network: 'slirp4netns:port_handler=slirp4netns' },
    { name: 'podman rootlesskit', engine: podman, network: 'slirp4netns' },
  ]
}

/** This machine's programs, bound over the image. */
export const hostPrograms = ['/usr', '/lib', '/lib64'].filter(existsSync).flatMap(path => ['-v', `${path}:${path}:ro`])

/** Runs a command of this machine; standard output. Throws where it fails. */
export async function command(words: string[], env: Environment): Promise<string> {
  const child = Bun.spawn(words, { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${words.join(' ')}: ${error}${out}`)
  return out
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, resolve))
  const address = server.address()
  await new Promise<void>(resolve => server.close(() => resolve()))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

/** Gbit/s that an iperf3 client saw received. */
export function gigabits(report: string): number {
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } }
  return end.sum_received.bits_per_second / 1e9
}

/** Enough that one busy moment of the machine is not the median. */
const roundsOf = (turns: number) => Math.max(1, Math.round(turns / 6))

const median = (values: number[]) => summarise(values).medianMs

/** Bars are "at most": podman's figure through ours. */
function faster(
  name: string,
  unit: Outcome['unit'],
  values: Record<string, number>,
  bars: [string, string, number][],
): Outcome {
  return {
    name,
    unit,
    values,
    bars: bars.map(([theirs, ours, atMost]) => ({
      what: `${theirs}/${ours}`,
      found: (values[theirs] ?? Number.NaN) / (values[ours] ?? Number.NaN),
      atMost,
    })),
  }
}

const publishCase: Case = {
  name: 'what -p adds to run --rm',
  async run({ tspod, env }, turns) {
    const start = (name: string, options: string[]) => ({
      name,
      command: () => [...tspod.command, 'run', '--rm', ...options, 'alpine', 'true'],
    })
    const port = await freePort()
    const timings = await compete([start('none', []), start('-p', ['-p', `${port}:80`])], turns, env)
    const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
    return {
      name: this.name,
      unit: 'ms',
      values,
      timings: Object.fromEntries(timings),
      bars: [{ what: 'added, ms', found: (values['-p'] ?? Number.NaN) - (values.none ?? Number.NaN), atMost: 5 }],
    }
  },
}

const outwardCase: Case = {
  name: 'throughput, container to host',
  async run(arena, turns) {
    const found: Record<string, number[]> = {}
    const host: Lane = { name: 'tspod host', engine: arena.tspod, network: 'host' }
    for (let turn = 0; turn < roundsOf(turns); turn++)
      for (const { name, engine, network } of [...lanes(arena).slice(0, 4), host]) {
        const port = await freePort()
        const server = Bun.spawn(['iperf3', '-s', '-1', '-p', String(port)], { stdout: 'ignore', stderr: 'ignore' })
        await Bun.sleep(200)
        const client = ['/usr/bin/iperf3', '-c', ownAddress(), '-p', String(port), '-t', '2', '-J']
        const options = ['--rm', '--network', network, ...hostPrograms, 'alpine']
        const report = await run(engine, arena.env, 'run', ...options, ...client)
        await server.exited
        found[name] = [...(found[name] ?? []), gigabits(report)]
      }
    const values = Object.fromEntries(Object.entries(found).map(([name, each]) => [name, median(each)]))
    return faster(this.name, 'Gbit/s', values, [['podman slirp4netns', 'tspod slirp4netns', 1 / 0.95]])
  },
}

/** The server in the container needs a moment. */
async function patiently<T>(measure: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    await Bun.sleep(500)
    try {
      return await measure()
    } catch (error) {
      if (attempt === 10) throw error
    }
  }
}

/** Measures a server in a container through its published port, lane by lane. */
async function published(
  arena: Arena,
  rounds: number,
  server: string[],
  containerPort: number,
  measure: (port: number) => Promise<number>,
): Promise<Record<string, number>> {
  const found: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++)
    for (const { name, engine, network } of lanes(arena)) {
      const port = await freePort()
      const options = [
        '-d',
        '--init',
        '--network',
        network,
        '-p',
        `${port}:${containerPort}`,
        ...hostPrograms,
        'alpine',
      ]
      const id = await run(engine, arena.env, 'run', ...options, ...server)
      try {
        found[name] = [...(found[name] ?? []), await patiently(() => measure(port))]
      } finally {
        await run(engine, arena.env, 'rm', '-f', '-t', '0', id)
      }
    }
  return Object.fromEntries(Object.entries(found).map(([name, each]) => [name, median(each)]))
}

const inwardCase: Case = {
  name: 'throughput, host to container by a published port',
  async run(arena, turns) {
    const measure = async (port: number) =>
      gigabits(await command(['iperf3', '-c', '127.0.0.1', '-p', String(port), '-t', '2', '-J'], arena.env))
    const server = ['/usr/bin/iperf3', '-s']
    const values = await published(arena, roundsOf(turns), server, 5201, measure)
    return faster(this.name, 'Gbit/s', values, [['podman slirp4netns', 'tspod slirp4netns', 1 / 0.95]])
  },
}

const connectionCase: Case = {
  name: 'connections a second on a published port',
  async run(arena, turns) {
    const measure = async (port: number) => {
      const words = ['wrk', '-t', '2', '-c', '16', '-d', '3s', '-H', 'Connection: close', `http://127.0.0.1:${port}/`]
      return Number(/Requests\/sec:\s+([\d.]+)/.exec(await command(words, arena.env))?.[1])
    }
    // the image's own program: /usr is this machine's here
    const script = 'mkdir /www; echo hello > /www/index.html; exec /bin/busybox httpd -f -p 80 -h /www'
    const values = await published(arena, roundsOf(turns), ['sh', '-c', script], 80, measure)
    return faster(this.name, 'per s', values, [
      ['podman slirp4netns', 'tspod slirp4netns', 1],
      ['podman rootlesskit', 'tspod pasta', 1],
    ])
  },
}

const hasPrograms = ['iperf3', 'wrk', 'pasta'].every(program => Bun.which(program) !== null)

/** Empty where a program that measures is missing. */
export const networkCases: Case[] = hasPrograms ? [publishCase, outwardCase, inwardCase, connectionCase] : [publishCase]
