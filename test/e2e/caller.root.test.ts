// Root as the caller: containers get ids of their own, never the host's root, and no process of tspod stays root.
import { afterAll, beforeAll, expect } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { needs, tspodPath } from '#test/needs.ts'

const busybox = '/bin/busybox'
let work: string
let rootfs: string

beforeAll(() => {
  if (process.getuid?.() !== 0) return
  work = mkdtempSync('/var/tmp/tspod-root-')
  chmodSync(work, 0o711)
  mkdirSync(join(work, 'home'), { mode: 0o700 }) // as /root is
  rootfs = join(work, 'rootfs')
  for (const name of ['bin', 'tmp', 'dev', 'proc', 'sys', 'etc', 'run'])
    mkdirSync(join(rootfs, name), { recursive: true })
  chmodSync(join(rootfs, 'tmp'), 0o1777)
  copyFileSync(busybox, join(rootfs, 'bin/busybox'))
  for (const name of ['sh', 'id', 'cat', 'sleep', 'touch']) symlinkSync('busybox', join(rootfs, 'bin', name))
})

afterAll(() => {
  if (work === undefined) return
  const keeper = Number(readFileSync(join(work, 'run/userns'), 'utf8').split(' ')[0])
  if (keeper > 1) process.kill(keeper, 'SIGKILL')
  rmSync(work, { recursive: true, force: true })
})

function tspod(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync({
    cmd: [tspodPath, '--root', join(work, 'store'), '--runroot', join(work, 'run'), ...args],
    env: { HOME: join(work, 'home'), PATH: `/root/bin:${process.env.PATH}` },
    cwd: '/',
    stdin: 'ignore',
    timeout: 30_000,
  })
  return { status: exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** The host's id of a container's root. */
const mappedRoot = () => statSync(join(work, 'store')).uid

/** Everything below a folder that belongs to the host's root. */
const rootsFiles = (folder: string): string[] =>
  [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))].filter(
    path => lstatSync(path, { throwIfNoEntry: false })?.uid === 0, // not what a link leads to
  )

/** Real, effective, saved and file system ids of every thread. */
const idsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).flatMap(task =>
    (/^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'))?.[1] ?? '').split('\t'),
  )

const asRoot = needs('root', 'tspod')

asRoot('root of the container is a high id of the host, at every run', () => {
  for (let run = 0; run < 2; run++) {
    const { status, stdout, stderr } = tspod('unshare', 'sh', '-c', `id -u; cat /proc/self/uid_map; touch ${work}/no`)
    expect({ status, stderr: stderr.includes('ermission denied') }).toEqual({ status: 1, stderr: true })
    const [id, inside, outside] = stdout.trim().split(/\s+/).map(Number)
    expect([id, inside]).toEqual([0, 0])
    expect(outside).toBe(mappedRoot())
    expect(mappedRoot()).toBeGreaterThanOrEqual(65_536)
  }
})

asRoot('containers run, are kept, run again and go, and nothing of the store belongs to root', () => {
  Bun.spawnSync(['chown', '-R', `${mappedRoot()}:${mappedRoot()}`, rootfs])
  const ran = tspod(
    'run',
    '--rm',
    '--network=none',
    '--rootfs',
    rootfs,
    'sh',
    '-c',
    'touch /tmp/mine; cat /etc/shadow; id -u',
  )
  expect(ran).toMatchObject({ status: 0, stdout: '0\n' })
  expect(statSync(join(rootfs, 'tmp/mine')).uid).toBe(mappedRoot())
  const { stdout, stderr } = tspod(
    'run',
    '-d',
    '--name',
    'kept',
    '--init',
    '--network=none',
    '--rootfs',
    rootfs,
    'sleep',
    '100',
  )
  expect(stderr).toBe('')
  const pid = Number(tspod('inspect', '-f', '{{.State.Pid}}', 'kept').stdout)
  const monitor = Number(/\nPPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  for (const each of [pid, monitor]) expect(new Set(idsOf(each))).toEqual(new Set([String(mappedRoot())]))
  expect(tspod('exec', 'kept', 'id', '-u').stdout).toBe('0\n')
  expect(tspod('ps', '-q', '--no-trunc').stdout).toBe(stdout)
  expect(tspod('restart', '-t', '0', 'kept').status).toBe(0)
  expect(rootsFiles(join(work, 'store'))).toEqual([])
  expect(rootsFiles(join(work, 'run'))).toEqual([])
  expect(tspod('rm', '-f', '-t', '0', 'kept').status).toBe(0)
  expect(tspod('ps', '-aq').stdout).toBe('')
})

asRoot('info and doctor answer', () => {
  expect(tspod('info', '-f', '{{.Store.GraphRoot}}').stdout).toBe(`${join(work, 'store')}\n`)
  expect(tspod('doctor', '--json').status).toBe(0)
  expect(statSync(join(work, 'store')).mode & 0o7777).toBe(0o711)
})

asRoot('a store that the mapped root cannot reach is refused by name', () => {
  const hidden = join(work, 'home/store')
  const { status, stderr } = tspod('--root', hidden, 'ps')
  expect(status).toBe(125)
  expect(stderr).toContain(`opening "${hidden}" as user ${mappedRoot()}`)
})

needs(
  'root',
  'tspod',
  'fixtures',
)('--explain as root makes the same container, whose root is nobody special', () => {
  expect(tspod('load', '-q', '-i', join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.tar')).status).toBe(0)
  const script = 'cat /proc/self/uid_map; touch /made; stat -c %u /made /etc'
  const run = ['--rm', '--network', 'none', 'alpine', 'sh', '-c', script]
  const explained = tspod('run', '--explain', ...run)
  expect(explained).toMatchObject({ status: 0, stderr: '' })
  const typed = Bun.spawnSync({ cmd: ['bash'], stdin: new Blob([explained.stdout]), stderr: 'pipe', timeout: 30_000 })
  expect(typed.stderr.toString()).toBe('')
  expect(typed.stdout.toString()).toBe(tspod('run', ...run).stdout)
  const folder = /^export C=(.*)/m.exec(explained.stdout)?.[1] ?? ''
  expect(statSync(join(folder, 'upper/made')).uid).toBe(mappedRoot())
  expect(rootsFiles(folder)).toEqual([])
})
