// The main job, on whatever kernel and systemd there is: what a user does in the first minutes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { command, groupOf, image, ok, read, tspod, until } from './_vm.ts'

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

const uid = process.getuid?.() ?? 0
const delegated = readFileSync(
  `/sys/fs/cgroup/user.slice/user-${uid}.slice/user@${uid}.service/cgroup.controllers`,
  'utf8',
)
  .trim()
  .split(' ')

test('doctor finds nothing that stands in the way', () => {
  const { status, stdout, stderr } = tspod('doctor')
  expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' })
})

test('a container runs, with the default network, and its exit status comes back', () => {
  expect(ok('run', '--rm', 'alpine', 'sh', '-c', 'id -u; hostname | wc -c')).toBe('0\n13')
  expect(tspod('run', '--rm', '--network', 'none', 'alpine', 'sh', '-c', 'exit 7').status).toBe(7)
})

test('it lives in the background, and is entered, read, stopped and removed', async () => {
  ok('run', '--detach', '--name', 'bg', '--network', 'none', 'alpine', 'sh', '-c', 'echo said; exec sleep 1000')
  await until('its output', () => ok('logs', 'bg') === 'said')
  expect(ok('exec', 'bg', 'cat', '/proc/1/comm')).toBe('sleep')
  expect(ok('exec', '--user', '1000', 'bg', 'id', '-u')).toBe('1000')
  ok('cp', '/etc/debian_version', 'bg:/copied')
  expect(ok('exec', 'bg', 'cat', '/copied')).toBe(readFileSync('/etc/debian_version', 'utf8').trim())
  ok('stop', '--time', '0', 'bg')
  ok('start', 'bg')
  ok('rm', '--force', '--time', '0', 'bg')
})

test('volumes keep what is written', () => {
  ok('run', '--rm', '--network', 'none', '--volume', 'kept:/data', 'alpine', 'sh', '-c', 'echo x > /data/file')
  expect(ok('run', '--rm', '--network', 'none', '--volume', 'kept:/data', 'alpine', 'cat', '/data/file')).toBe('x')
})

test('another mapping of ids', () => {
  expect(ok('run', '--rm', '--network', 'none', '--userns', 'keep-id', 'alpine', 'id', '-u')).toBe(String(uid))
})

describe('limits', () => {
  test('of memory and processes hold', () => {
    ok(
      'run',
      '--detach',
      '--name',
      'limited',
      '--network',
      'none',
      '-m',
      '64m',
      '--pids-limit',
      '50',
      'alpine',
      'sleep',
      '1000',
    )
    const group = groupOf('limited')
    expect(['memory.max', 'pids.max'].map(file => read(group, file))).toEqual(['67108864', '50'])
    expect(
      tspod('run', '--rm', '--network', 'none', '-m', '16m', '--memory-swap', '16m', 'alpine', 'tail', '/dev/zero')
        .status,
    ).toBe(137)
    ok('rm', '--force', '--time', '0', 'limited')
  })

  test('of processors hold where that is delegated, and are refused with the reason where not', () => {
    const { status, stdout, stderr } = tspod(
      ...'run --rm --network none --cpus 0.5 alpine cat /sys/fs/cgroup/cpu.max'.split(' '),
    )
    if (delegated.includes('cpu')) expect({ status, stdout }).toEqual({ status: 0, stdout: '50000 100000\n' })
    else expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining('"cpu" is not delegated') })
  })
})

test('pause and unpause', () => {
  ok('run', '--detach', '--name', 'frozen', '--network', 'none', 'alpine', 'sleep', '1000')
  ok('pause', 'frozen')
  expect(read(groupOf('frozen'), 'cgroup.events')).toContain('frozen 1')
  ok('unpause', 'frozen')
  ok('rm', '--force', '--time', '0', 'frozen')
})

test('nothing is left in systemd', () => {
  expect(command('systemctl', '--user', 'list-units', '--failed', '--plain', '--no-legend').stdout).toBe('')
})
