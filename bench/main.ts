// `npm run bench [-- --turns N] [--case WORD]…`: tspod next to podman and runc in one session. Runs as a normal user (bench/run.sh).
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { whatIsMissing } from '#test/needs.ts'
import { makeImages } from '#test/setup/images.ts'
import { startRegistries } from '#test/setup/registries.ts'
import { cases, type Outcome } from './cases.ts'
import { clearArena, makeArena, run } from './engines.ts'
import { formatRow, formatTable, isMet, toJson } from './report.ts'

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '30' },
    case: { type: 'string', multiple: true, default: [] },
    json: { type: 'string', default: join(import.meta.dir, 'results.json') },
  },
})
const turns = Number(values.turns)
if (!Number.isInteger(turns) || turns < 1) {
  console.error(`--turns is "${values.turns}", must be a whole number from 1`)
  process.exit(2)
}
const missing = whatIsMissing(
  'user',
  'tspod',
  'podman',
  'runc',
  'skopeo',
  'registry-program',
  'userns',
  'subids',
  'slirp4netns',
  'tun',
)
if (missing !== undefined) {
  console.error(`cannot compare here: ${missing}`)
  process.exit(2)
}

const work = join(homedir(), '.cache/tspod-bench')
mkdirSync(work, { recursive: true })
await using stack = new AsyncDisposableStack()
const fixtures = makeImages(join(work, 'fixtures'), { big: process.env.TSPOD_BENCH_BIG_TAR })
process.env.TSPOD_TEST_FIXTURES = fixtures
const data = join(work, `registry-${process.pid}`)
stack.defer(() => rmSync(data, { recursive: true, force: true }))
const registries = stack.use(await startRegistries(data, fixtures))
const arena = makeArena(registries.environment)
stack.defer(() => clearArena(arena))
const versions: Record<string, string> = {}
for (const engine of [arena.tspod, arena.podman]) {
  versions[engine.name] = await run(engine, arena.env, '--version')
  await run(engine, arena.env, 'pull', '-q', 'alpine')
}

const chosen = cases.filter(({ name }) => values.case.length === 0 || values.case.some(word => name.includes(word)))
const outcomes: Outcome[] = []
for (const benchCase of chosen) {
  console.error(`${benchCase.name} …`)
  try {
    const outcome = await benchCase.run(arena, turns)
    outcomes.push(outcome)
    console.error(`  ${formatRow(outcome).slice(1).join('; ')}`)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.error(`  failed: ${reason}`)
    outcomes.push({
      name: `${benchCase.name}: failed`,
      unit: 'ms',
      values: {},
      bars: [{ what: 'failed', found: Number.NaN, atMost: 0 }],
    })
  }
}
console.log(formatTable(outcomes))
writeFileSync(values.json, toJson(outcomes, versions))
console.log(`\n${values.json}: the same for machines`)
process.exitCode = outcomes.every(({ bars }) => bars.every(isMet)) ? 0 : 1
