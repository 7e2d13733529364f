// The cases of builds: the same Containerfile and context for both engines, each with its own store and cache.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, Outcome } from './cases.ts'
import { type Arena, type Engine, run } from './engines.ts'
import { type Contestant, compete, type Timing } from './harness.ts'

/** podman build remembers steps by default; buildah needs to be told, and it does no harm to say so. */
const buildOf = ({ name, command }: Engine, ...args: string[]): string[] => [
  ...command,
  'build',
  '-q',
  ...(name === 'podman' ? ['--layers'] : []),
  ...args,
]

function folder(arena: Arena, name: string, files: Record<string, string>): string {
  const path = join(arena.home, name)
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return path
}

function outcome(name: string, timings: Map<string, Timing>, atMost: number): Outcome {
  const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
  const found = (values.tspod ?? Number.NaN) / (values.podman ?? Number.NaN)
  return {
    name,
    unit: 'ms',
    values,
    timings: Object.fromEntries(timings),
    bars: [{ what: 'tspod/podman', found, atMost }],
  }
}

/** Three turns where thirty are asked for: each takes seconds. */
const few = (turns: number): number => Math.max(3, Math.round(turns / 6))

const eightSteps = `FROM alpine
ENV A=1
WORKDIR /app
RUN echo one > /one
COPY requirements.txt .
RUN echo two > /two
COPY app.txt .
RUN echo three > /three
CMD ["sh"]
`

/** A case that builds eight steps, three of them RUN. */
function stepsCase(
  name: string,
  atMost: number,
  options: string[],
  before?: (path: string, turn: number) => void,
): Case {
  return {
    name,
    async run(arena, turns) {
      const engines = [arena.tspod, arena.podman]
      const contestants = engines.map((engine): Contestant => {
        const path = folder(arena, `steps-${engine.name}`, {
          Containerfile: eightSteps,
          'requirements.txt': 'r\n',
          'app.txt': 'a\n',
        })
        return {
          name: engine.name,
          command: () => buildOf(engine, ...options, path),
          ...(before && { before: async turn => before(path, turn) }),
        }
      })
      for (const { command } of contestants) await run({ name: 'tspod', command: command(-1) }, arena.env)
      return outcome(name, await compete(contestants, few(turns), arena.env), atMost)
    },
  }
}

const contextCase: Case = {
  name: 'build, context of 20,000 files, 200 MB, cached',
  async run(arena, turns) {
    const path = folder(arena, 'big-context', { Containerfile: 'FROM alpine\nCOPY . /all\nRUN true\n' })
    const text = 'x'.repeat(10_000)
    for (let index = 0; index < 20_000; index++) {
      if (index % 100 === 0) mkdirSync(join(path, `folder-${index / 100}`), { recursive: true })
      writeFileSync(join(path, `folder-${Math.floor(index / 100)}`, `file-${index}`), `${index}\n${text}`)
    }
    await Bun.sleep(2500) // files that have just been written are not remembered
    const engines = [arena.tspod, arena.podman]
    const contestants = engines.map(engine => ({ name: engine.name, command: () => buildOf(engine, path) }))
    return outcome(this.name, await compete(contestants, few(turns), arena.env), 0.3)
  },
}

const manyFilesCase: Case = {
  name: 'build, RUN that writes 10,000 files',
  async run(arena, turns) {
    const script = 'mkdir /many && cd /many && seq 10000 | while read n; do echo $n > file-$n; done'
    const path = folder(arena, 'many-files', { Containerfile: `FROM alpine\nRUN ${script}\n` })
    const engines = [arena.tspod, arena.podman]
    const contestants = engines.map(engine => ({
      name: engine.name,
      command: () => buildOf(engine, '--no-cache', path),
    }))
    return outcome(this.name, await compete(contestants, few(turns), arena.env), 0.35)
  },
}

/** Against our own single stage: two sleeps side by side take the time of one. */
const stagesCase: Case = {
  name: 'build, two independent stages of sleeps',
  async run(arena, turns) {
    const stage = (name: string): string => `FROM alpine AS ${name}\nRUN sleep 2 && echo ${name} > /${name}\n`
    const end = 'FROM scratch\nCOPY --from=a /a /\n'
    const one = folder(arena, 'one-stage', { Containerfile: `${stage('a')}${end}` })
    const two = folder(arena, 'two-stages', { Containerfile: `${stage('a')}${stage('b')}${end}COPY --from=b /b /\n` })
    const contestants = [
      { name: 'one', command: () => buildOf(arena.tspod, '--no-cache', one) },
      { name: 'two', command: () => buildOf(arena.tspod, '--no-cache', two) },
    ]
    const timings = await compete(contestants, few(turns), arena.env)
    const values = Object.fromEntries([...timings].map(([who, { medianMs }]) => [who, medianMs]))
    const found = (values.two ?? Number.NaN) / (values.one ?? Number.NaN)
    return {
      name: this.name,
      unit: 'ms',
      values,
      timings: Object.fromEntries(timings),
      bars: [{ what: 'two/one', found, atMost: 1.15 }],
    }
  },
}

export const buildCases: Case[] = [
  stepsCase('build, eight steps, no cache', 0.25, ['--no-cache']),
  stepsCase('build, eight steps, cached', 0.2, []),
  stepsCase('build, one copied file changed', 0.25, [], (path, turn) =>
    writeFileSync(join(path, 'app.txt'), `${turn} ${Date.now()}\n`),
  ),
  contextCase,
  manyFilesCase,
  stagesCase,
]
