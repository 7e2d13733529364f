// The cgroupfs manager on a part of the machine's own cgroup2 tree that root hands to a user, and what there is where nobody makes
// groups. The tree may be without controllers (hybrid machines): processes can be found, stopped and killed in it all the same.
import { afterAll, beforeAll, expect } from 'bun:test'
import { copyFileSync, existsSync, readFileSync, rmdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '#test/needs.ts'
import { makeStranger, type Stranger, strangerId } from './stranger.ts'

const mountPoint = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1]
const asRoot = needs('root', 'tspod')
const withTree = needs('root', 'tspod', 'cgroup2-tree')
const base = `${mountPoint}/tspod-test-${process.pid}`
let user: Stranger
let rootfs: string

beforeAll(() => {
  if (process.getuid?.() !== 0) return
  user = makeStranger()
  rootfs = user.folder('rootfs')
  for (const name of ['bin', 'tmp', 'dev', 'proc', 'sys', 'etc', 'run']) user.folder(`rootfs/${name}`)
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'))
  for (const name of ['sh', 'sleep', 'cat']) symlinkSync('busybox', join(rootfs, 'bin', name))
})
afterAll(() => {
  if (process.getuid?.() !== 0) return
  user.tspod(['rm', '--all', '--force', '--time', '0'])
  user[Symbol.dispose]()
  // what --cgroups=split has moved there was ended just now
  for (const group of [`${base}/tspod.callers`, base]) removeGroup(group)
})

function removeGroup(group: string): void {
  for (let tries = 100; existsSync(group); tries--) {
    try {
      rmdirSync(group)
    } catch (error) {
      if (tries === 0) throw error
      Bun.sleepSync(20)
    }
  }
}

const enter = `mkdir -p ${base}; chown ${strangerId} ${base} ${base}/cgroup.procs ${base}/cgroup.subtree_control; echo $$ > ${base}/cgroup.procs`

/** tspod of the user, whose group is its own. */
function inside(...args: string[]): string {
  const { status, stdout, stderr } = user.tspod(['--cgroup-manager', 'cgroupfs', ...args], enter)
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout.trimEnd()
}

withTree('cgroupfs: a group for the container, frozen by pause, entered by exec, gone with it', () => {
  const id = inside('run', '-d', '--name', 'c', '--network', 'none', '--rootfs', rootfs, 'sleep', '1000')
  const group = `${base}/tspod-${id}`
  const [{ State }] = JSON.parse(inside('inspect', 'c')) as [{ State: { Pid: number; CgroupPath: string } }]
  expect(`/sys/fs/cgroup${State.CgroupPath}`).toBe(group)
  expect(readFileSync(`${group}/cgroup.procs`, 'utf8')).toBe(`${State.Pid}\n`)
  inside('pause', 'c')
  expect(readFileSync(`${group}/cgroup.events`, 'utf8')).toContain('frozen 1')
  expect(inside('ps', '--format', '{{.State}}')).toBe('paused')
  inside('unpause', 'c')
  expect(inside('exec', 'c', 'cat', '/proc/self/cgroup')).toMatch(/^0::\/$/m)
  expect(inside('stats', '--no-stream', '--format', '{{.PIDS}} {{.MemPerc}}', 'c')).toMatch(/^1 \d/)
  inside('pause', 'c')
  inside('stop', '--time', '0', 'c')
  expect(existsSync(group)).toBe(false)
})

withTree('--cgroups=split parts the group of the caller: one for the container, one for its monitor', () => {
  const id = inside(
    'run',
    '-d',
    '--cgroups=split',
    '--name',
    's',
    '--network',
    'none',
    '--rootfs',
    rootfs,
    'sleep',
    '1000',
  )
  const [{ State }] = JSON.parse(inside('inspect', 's')) as [{ State: { Pid: number; ConmonPid: number } }]
  expect(readFileSync(`${base}/tspod-${id}/cgroup.procs`, 'utf8')).toBe(`${State.Pid}\n`)
  expect(readFileSync(`${base}/tspod.callers/cgroup.procs`, 'utf8').split('\n')).toContain(String(State.ConmonPid))
  expect(inside('exec', 's', 'cat', '/proc/self/cgroup')).toMatch(/^0::\/$/m)
  inside('rm', '--force', '--time', '0', 's')
  expect(existsSync(`${base}/tspod-${id}`)).toBe(false)
})

withTree('--cgroups=split is refused with the reason where the group of the caller is not its own', () => {
  const run = ['run', '--rm', '--cgroups=split', '--network', 'none', '--rootfs', rootfs, 'sleep', '0']
  expect(user.tspod(run)).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('--cgroups=split: the group of this process is not yours'),
  })
})

asRoot(
  'without a manager limits are refused with the reason, pause works by signals, and stats looks at processes',
  () => {
    const none = (...args: string[]) => user.tspod(['--cgroup-manager', 'none', ...args])
    const run = ['--network', 'none', '--rootfs', rootfs, 'sleep', '1000']
    expect(none('run', '--rm', '-m', '64m', ...run)).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('limiting the container (memory.max = 67108864, memory.swap.max = 67108864)'),
    })
    expect(none('run', '-d', '--name', 'n', ...run).status).toBe(0)
    expect(none('pause', 'n').status).toBe(0)
    expect(none('ps', '--format', '{{.State}}').stdout).toBe('paused\n')
    expect(none('unpause', 'n').status).toBe(0)
    expect(none('stats', '--no-stream', '--format', '{{.PIDS}} {{.MemUsage}} {{.MemPerc}}', 'n').stdout).toMatch(
      /^1 [\d.]+[kM]B \/ -- --\n$/,
    )
    expect(none('rm', '--force', '--time', '0', 'n').status).toBe(0)
  },
)
