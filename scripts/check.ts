// Everything that must hold before a commit, side by side: format, types and lint with types, unused code, unit tests.
// `npm run check`; prints what fails and nothing of what holds.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dir, '..')
/** The tools are run by our Bun: whatever Node this machine has may be too old for them. */
const tool = (name: string) => [process.execPath, `${root}/node_modules/.bin/${name}`]
const tsgolint = `${root}/node_modules/@oxlint-tsgolint/linux-${process.arch}/tsgolint`

const gates: Record<string, string[]> = {
  'unit tests': [process.execPath, 'test', '--timeout=20000', '--only-failures', './test/unit'],
  // one pass of the compiler for both; it finds what `tsc` alone finds (docs/decisions/check.md)
  'types and lint': [...tool('oxlint'), '--type-aware', '--type-check', '--quiet', 'src', 'scripts', 'test', 'bench'],
  'unused code': [...tool('knip'), '--no-progress'],
  format: [...tool('biome'), 'check', '--colors=off', '--reporter=summary', '.'],
}

const libc = existsSync(`/lib/ld-musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`) ? 'musl' : 'gnu'

/** Why a gate cannot run here: npm leaves out optional packages that ask for a newer Node than the one that npm itself runs on. */
function whatIsMissing(name: string): string | undefined {
  const scope = { 'types and lint': '@oxlint', 'unused code': '@oxc-parser' }[name]
  if (scope === undefined) return undefined
  const binding = `${scope}/binding-linux-${process.arch}-${libc}`
  if (existsSync(`${root}/node_modules/${binding}`)) return undefined
  return `npm has not installed ${binding}: it asks for Node 20.19 or later`
}

/** What still can be checked where a gate is missing. */
const insteadOf: Record<string, Record<string, string[]>> = {
  'types and lint': { types: [...tool('tsc'), '-p', '.'] },
}

const env = { ...process.env, OXLINT_TSGOLINT_PATH: tsgolint }

interface Outcome {
  name: string
  ok: boolean
  seconds: number
  output: string
}

async function runGate(name: string, cmd: string[]): Promise<Outcome> {
  const started = performance.now()
  const gate = Bun.spawn({ cmd, cwd: root, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([gate.stdout.text(), gate.stderr.text(), gate.exited])
  return {
    name,
    ok: gate.exitCode === 0,
    seconds: (performance.now() - started) / 1000,
    output: `${out}${err}`.trim(),
  }
}

const started = performance.now()
const wanted = process.argv.slice(2)
const chosen = Object.entries(gates).filter(([name]) => wanted.length === 0 || wanted.includes(name))
if (chosen.length < wanted.length) {
  console.error(`there is no such gate among "${wanted.join('", "')}"; there are: ${Object.keys(gates).join(', ')}`)
  process.exit(2)
}
const skipped = chosen.flatMap(([name]) => {
  const reason = whatIsMissing(name)
  return reason === undefined ? [] : [{ name, reason }]
})
const runnable = chosen.flatMap(([name, cmd]) =>
  skipped.some(gate => gate.name === name) ? Object.entries(insteadOf[name] ?? {}) : [[name, cmd] as const],
)
const outcomes = await Promise.all(runnable.map(([name, cmd]) => runGate(name, cmd)))
for (const { name, ok, output } of outcomes) if (!ok) console.log(`── ${name} ──\n${output}\n`)
for (const { name, ok, seconds } of outcomes)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(14)} ${seconds.toFixed(1)} s`)
for (const { name, reason } of skipped) console.log(`skipped ${name} [${reason}]`)
console.log(`checked in ${((performance.now() - started) / 1000).toFixed(1)} s`)
process.exit(outcomes.every(outcome => outcome.ok) ? 0 : 1)
