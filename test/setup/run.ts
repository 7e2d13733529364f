// Runs the groups of tests against registries and images it sets up, and ends with `N passed, M failed, K skipped`.
// scripts/test.sh starts it: as root it runs the tests as the user in TSPOD_TEST_USER, otherwise as whoever it is.
import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { whatIsMissing } from '#test/needs.ts'
import { makeImages } from './images.ts'
import { readTotals, skippedNames, type Totals } from './junit.ts'
import { processesOf } from './leaks.ts'
import { startRegistries } from './registries.ts'

interface Account {
  name: string
  uid: number
  gid: number
  home: string
}

interface Group {
  name: string
  /** what `bun test` gets: folders or files */
  paths: string[]
  asRoot: boolean
  timeoutMs: number
}

const root = resolve(import.meta.dir, '../..')
const isRoot = process.getuid?.() === 0

const filesOf = (pattern: string) => [...new Bun.Glob(pattern).scanSync(root)].toSorted()
const rootFiles = filesOf('test/{integration,e2e}/**/*.root.test.ts')
const userFiles = (folder: string) => filesOf(`test/${folder}/**/*.test.ts`).filter(file => !rootFiles.includes(file))
const groups: Group[] = [
  { name: 'unit', paths: userFiles('unit'), asRoot: false, timeoutMs: 20_000 },
  { name: 'integration', paths: userFiles('integration'), asRoot: false, timeoutMs: 120_000 },
  { name: 'e2e', paths: userFiles('e2e'), asRoot: false, timeoutMs: 120_000 },
  { name: 'root', paths: rootFiles, asRoot: true, timeoutMs: 120_000 },
]

function accountOf(name: string): Account {
  const [, , uid = '', gid = '', , home = ''] = execFileSync('getent', ['passwd', name], { encoding: 'utf8' }).split(
    ':',
  )
  return { name, uid: Number(uid), gid: Number(gid), home }
}

/** The command that becomes the account, with whoever is orphaned below it as its child. */
function asAccount(account: Account | undefined): string[] {
  const reaper = Bun.which('tini') === null ? [] : ['tini', '-s', '--']
  if (account === undefined) return reaper
  return ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--inh-caps=-all', ...reaper]
}

async function runGroup(
  group: Group,
  account: Account | undefined,
  environment: Record<string, string>,
): Promise<Totals> {
  console.log(`\n== ${group.name} tests${group.asRoot ? ' (as root)' : ''}`)
  const report = join(environment.TSPOD_TEST_WORK ?? tmpdir(), `${group.name}.xml`)
  const become = asAccount(group.asRoot ? undefined : account)
  const flags = [
    '--parallel=2',
    `--timeout=${group.timeoutMs}`,
    '--only-failures',
    '--reporter=junit',
    `--reporter-outfile=${report}`,
  ]
  const paths = group.paths.map(path => `./${path}`)
  const tests = Bun.spawn([...become, process.execPath, 'test', ...flags, ...paths], {
    cwd: root,
    env: environment,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  })
  await tests.exited
  const text = existsSync(report) ? readFileSync(report, 'utf8') : ''
  const totals = readTotals(text) ?? { passed: 0, failed: 0, skipped: 0 }
  if (tests.exitCode !== 0 && totals.failed === 0) totals.failed++ // it ended before it could say why
  for (const name of skippedNames(text)) console.log(`skipped: ${name}`)
  return totals
}

/** The suite that needs a real systemd, in a machine of its own (test/vm/run.sh). */
async function runInVm(): Promise<{ status: number; lines: Totals | undefined }> {
  const missing = ['qemu-system-x86_64', 'mmdebstrap', 'mkfs.ext4'].filter(
    program => Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin:/sbin` }) === null,
  )
  const reason = process.arch === 'x64' ? undefined : `its disk is for x86-64, and this is ${process.arch}`
  if (missing.length > 0 || reason !== undefined) {
    console.log(`\nskipped: group "vm" [${reason ?? `no ${missing.join(', no ')} here`}]`)
    return { status: 0, lines: { passed: 0, failed: 0, skipped: 1 } }
  }
  console.log('\n== vm tests (in a virtual machine with systemd)')
  const report = join(work, 'vm.xml')
  const tests = Bun.spawn(['bash', join(root, 'test/vm/run.sh')], {
    env: { ...process.env, TSPOD_VM_REPORT: report },
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  })
  const status = await tests.exited
  if (status === 77) {
    console.log('skipped: group "vm" [its disk cannot be made here]')
    return { status: 0, lines: { passed: 0, failed: 0, skipped: 1 } }
  }
  return { status, lines: existsSync(report) ? readTotals(readFileSync(report, 'utf8')) : undefined }
}

function testEnvironment(account: Account | undefined, work: string): Record<string, string> {
  const me = userInfo()
  const home = account?.home ?? homedir()
  const runtime = account === undefined ? process.env.XDG_RUNTIME_DIR : `/run/user/${account.uid}`
  return {
    PATH:
      account === undefined
        ? `${process.env.PATH}:/usr/sbin:/sbin`
        : '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin',
    HOME: home,
    USER: account?.name ?? me.username,
    LANG: 'C.UTF-8',
    TERM: 'xterm',
    TSPOD_TEST_WORK: work,
    TSPOD_TEST_PROMISED: process.env.TSPOD_TEST_PROMISED ?? '',
    ...(process.env.TSPOD_TEST_TINY_DISK === undefined
      ? {}
      : { TSPOD_TEST_TINY_DISK: process.env.TSPOD_TEST_TINY_DISK }),
    ...(process.env.TSPOD_TEST_KILLS === undefined ? {} : { TSPOD_TEST_KILLS: process.env.TSPOD_TEST_KILLS }),
    ...(process.env.TSPOD_E2E_ENGINE === undefined ? {} : { TSPOD_E2E_ENGINE: process.env.TSPOD_E2E_ENGINE }),
    ...(runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }),
  }
}

const account = isRoot && process.env.TSPOD_TEST_USER !== undefined ? accountOf(process.env.TSPOD_TEST_USER) : undefined
/** Names of groups, and pieces of files' paths: without one, everything. */
const words = process.argv.slice(2)
const wanted = words.filter(word => groups.some(({ name }) => name === word))
const pieces = words.filter(word => !wanted.includes(word))
for (const group of groups)
  if (pieces.length > 0) group.paths = group.paths.filter(path => pieces.some(piece => path.includes(piece)))
const cache = join(root, '.cache/fixtures')
const parent = join(account?.home ?? homedir(), '.cache/tspod-tests')
mkdirSync(parent, { recursive: true })
const work = mkdtempSync(join(parent, 'r'))
if (account !== undefined)
  for (const folder of [join(account.home, '.cache'), parent, work]) chownSync(folder, account.uid, account.gid)

const before = new Set(processesOf(account?.name ?? userInfo().username).map(found => found.pid))
const sum: Totals = { passed: 0, failed: 0, skipped: 0 }
const complaints: string[] = process.env.TSPOD_TEST_COMPLAINT === undefined ? [] : [process.env.TSPOD_TEST_COMPLAINT]
{
  await using stack = new AsyncDisposableStack()
  const environment = testEnvironment(account, work)
  const cannotServe = whatIsMissing('registry-program', 'skopeo')
  if (cannotServe === undefined) {
    const made = (tar: string | undefined) => (tar !== undefined && existsSync(tar) ? tar : undefined)
    environment.TSPOD_TEST_FIXTURES = makeImages(cache, {
      debian: made(process.env.TSPOD_TEST_DEBIAN_TAR),
      python: made(process.env.TSPOD_TEST_PYTHON_TAR),
    })
    const data = mkdtempSync(join(tmpdir(), 'tspod-registries-'))
    stack.defer(() => rmSync(data, { recursive: true }))
    execFileSync('chmod', ['755', data])
    const packages = process.env.TSPOD_TEST_FLASK_PACKAGES
    if (packages !== undefined && existsSync(packages)) {
      environment.TSPOD_TEST_FLASK_PACKAGES = join(data, 'flask')
      cpSync(packages, join(data, 'flask'), { recursive: true })
    }
    const registries = stack.use(await startRegistries(data, environment.TSPOD_TEST_FIXTURES))
    Object.assign(environment, registries.environment)
  } else console.log(`no registry and no fixture images: ${cannotServe}`)

  for (const group of groups) {
    if (wanted.length > 0 && !wanted.includes(group.name)) continue
    if (group.paths.length === 0) continue
    if (group.asRoot && !isRoot) {
      console.log(`\nskipped: group "${group.name}" [not root]`)
      sum.skipped++
      continue
    }
    const totals = await runGroup(group, account, environment)
    console.log(`${group.name}: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
    for (const key of ['passed', 'failed', 'skipped'] as const) sum[key] += totals[key]
    if (totals.passed === 0 && isRoot)
      complaints.push(`the whole group "${group.name}" was skipped or failed, and it should run here`)
  }
}

const wantsVm = words.length === 0 || words.includes('vm')
if (wantsVm && isRoot) {
  const { status, lines } = await runInVm()
  if (lines !== undefined) for (const key of ['passed', 'failed', 'skipped'] as const) sum[key] += lines[key]
  if (status !== 0 && (lines?.failed ?? 0) === 0)
    complaints.push(`the tests in a virtual machine ended with status ${status}`)
} else if (wantsVm) {
  console.log('\nskipped: group "vm" [not root]')
  sum.skipped++
}

const survivors = processesOf(account?.name ?? userInfo().username).filter(
  found => !before.has(found.pid) && found.pid !== process.pid,
)
if (account !== undefined && survivors.length > 0)
  complaints.push(`processes are left:\n${survivors.map(({ pid, command }) => `  ${pid} ${command}`).join('\n')}`)
const mounts = readFileSync('/proc/self/mounts', 'utf8')
  .split('\n')
  .filter(line => line.includes(work))
if (mounts.length > 0) complaints.push(`mounts are left:\n${mounts.map(line => `  ${line}`).join('\n')}`)
if (complaints.length === 0 && mounts.length === 0 && (isRoot || account === undefined))
  rmSync(work, { recursive: true, force: true })

for (const complaint of complaints) console.log(`\nFAILED: ${complaint}`)
console.log(`\n${sum.passed} passed, ${sum.failed + complaints.length} failed, ${sum.skipped} skipped`)
process.exit(sum.failed + complaints.length === 0 ? 0 : 1)
