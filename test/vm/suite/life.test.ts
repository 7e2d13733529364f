// What a monitor does of its own accord, where systemd makes the groups: restarts, health checks, split groups.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { command, groupOf, image, ok, read, tspod, tspodPath, until } from './_vm.ts'

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

const state = (name: string, field: string) => ok('inspect', '--format', `{{${field}}}`, name)
const groupOfProcess = (pid: string) => readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim()

test('a container that its policy starts again has its limits and groups again', async () => {
  const run = ['--network', 'none', '--restart', 'always', '--memory', '64m', 'alpine', 'sleep', '1000']
  const id = ok('run', '--detach', '--name', 'again', ...run)
  process.kill(Number(state('again', '.State.Pid')), 'SIGKILL')
  await until('a restart', () => state('again', '.RestartCount') === '1', 60_000)
  await until('it to run', () => state('again', '.State.Status') === 'running', 60_000)
  expect(groupOf('again')).toEndWith(`/user.slice/tspod-${id}.scope`)
  expect(read(groupOf('again'), 'memory.max')).toBe('67108864')
  expect(groupOfProcess(state('again', '.State.ConmonPid'))).toEndWith(`/tspod-monitor-${id}.scope`)
  expect(ok('exec', 'again', 'cat', '/proc/self/cgroup')).toBe('0::/')
}, 180_000)

test('kill -9 of its monitor leaves it running, and another one keeps its policy, in the same group', async () => {
  const [monitor, count] = [state('again', '.State.ConmonPid'), Number(state('again', '.RestartCount'))]
  const group = groupOfProcess(monitor)
  process.kill(Number(monitor), 'SIGKILL')
  expect(state('again', '.State.Status')).toBe('running')
  await until('another monitor', () => state('again', '.State.ConmonPid') !== monitor, 60_000)
  expect(groupOfProcess(state('again', '.State.ConmonPid'))).toBe(group)
  process.kill(Number(state('again', '.State.Pid')), 'SIGKILL')
  await until('a restart', () => Number(state('again', '.RestartCount')) === count + 1, 60_000)
  ok('rm', '--force', '--time', '0', 'again')
}, 180_000)

test('a health check runs in the group of the container, and stands still while that is paused', async () => {
  const check = ['--health-cmd', 'cat /proc/self/cgroup', '--health-interval', '1s']
  ok('run', '--detach', '--name', 'fit', '--network', 'none', ...check, 'alpine', 'sleep', '1000')
  ok('wait', '--condition', 'healthy', 'fit')
  const log = () => state('fit', 'json .State.Health.Log')
  expect(JSON.parse(log())[0].Output).toBe('0::/')
  ok('pause', 'fit')
  await Bun.sleep(3000)
  const before = log()
  await Bun.sleep(5000)
  expect(log()).toBe(before)
  ok('unpause', 'fit')
  await until('one more', () => log() !== before, 30_000)
  // from this login session, which lies outside of the user manager's tree
  expect(tspod('healthcheck', 'run', 'fit').status).toBe(0)
  expect(JSON.parse(log()).at(-1).Output).toBe('0::/')
  ok('rm', '--force', '--time', '0', 'fit')
}, 180_000)

test('the check of an attached container lands there too', async () => {
  const check = ['--health-cmd', 'cat /proc/self/cgroup', '--health-interval', '1s']
  const attached = Bun.spawn(
    [tspodPath, 'run', '--rm', '--name', 'near', '--network', 'none', ...check, 'alpine', 'sleep', '1000'],
    {
      stdin: 'ignore',
    },
  )
  await until(
    'its health',
    () => tspod('inspect', '--format', '{{.State.Health.Status}}', 'near').stdout.trim() === 'healthy',
    60_000,
  )
  expect(JSON.parse(state('near', 'json .State.Health.Log'))[0].Output).toBe('0::/')
  ok('stop', '--time', '0', 'near')
  await attached.exited
}, 120_000)

test('--cgroups=split parts the group of a unit, with limits', () => {
  const unit = ['systemd-run', '--user', '--quiet', '--wait', '--pipe', '--property=Delegate=yes']
  const run = [tspodPath, 'run', '--rm', '--network', 'none', '--cgroups=split', '--memory', '64m', 'alpine']
  expect(command(...unit, ...run, 'cat', '/sys/fs/cgroup/memory.max')).toMatchObject({
    status: 0,
    stdout: '67108864\n',
  })
  expect(tspod('run', '--rm', '--network', 'none', '--cgroups=split', 'alpine', 'true').stderr).toContain(
    '--cgroups=split: ',
  )
}, 120_000)
