// systemd as a container's program, from a Debian image: it boots to a login prompt, and halts at its stop signal.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { groupOf, ok, tspod, until } from './_vm.ts'

beforeAll(() => void ok('import', '--quiet', '/files/systemd.tar', 'debian-systemd'), 600_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

test('systemd boots to a login prompt', async () => {
  ok(
    'run',
    '--detach',
    '--tty',
    '--name',
    'machine',
    '--network',
    'none',
    '--hostname',
    'inner',
    'debian-systemd',
    '/sbin/init',
  )
  await until('a login prompt', () => /inner login:/.test(tspod('logs', 'machine').stdout), 240_000)
  expect(ok('exec', 'machine', 'systemctl', 'is-active', 'basic.target')).toBe('active')
  expect(ok('exec', 'machine', 'cat', '/proc/1/comm')).toBe('systemd')
  // its own groups lie below the container's
  expect(ok('exec', 'machine', 'cat', '/proc/1/cgroup')).toBe('0::/init.scope')
  expect(groupOf('machine')).toContain('tspod-')
}, 300_000)

test('it halts at its stop signal', () => {
  ok('stop', '--time', '100', 'machine')
  expect(ok('inspect', '--format', '{{.State.ExitCode}}', 'machine')).toBe('0')
}, 150_000)
