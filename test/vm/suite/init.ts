// systemd as a container's program, from a Debian image: it boots to a login prompt, and halts at its stop signal; also where the
// container's root is another user than the caller.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { groupOf, ok, tspod, until, untilGone } from './_vm.ts'

beforeAll(() => void ok('import', '--quiet', '/files/systemd.tar', 'debian-systemd'), 600_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

const mappings = {
  'the usual ids': [],
  '--userns keep-id': ['--userns', 'keep-id'],
  '--userns auto': ['--userns', 'auto'],
}

describe.each(Object.entries(mappings))('with %s, systemd', (_, ids) => {
  test('boots to a login prompt', async () => {
    const about = ['--detach', '--tty', '--name', 'machine', '--network', 'none', '--hostname', 'inner']
    ok('run', ...about, ...ids, '--user', '0', 'debian-systemd', '/sbin/init')
    await until('a login prompt', () => /inner login:/.test(tspod('logs', 'machine').stdout), 400_000)
    expect(ok('exec', 'machine', 'systemctl', 'is-active', 'basic.target')).toBe('active')
    expect(ok('exec', 'machine', 'cat', '/proc/1/comm')).toBe('systemd')
    // its own groups lie below the container's
    expect(ok('exec', 'machine', 'cat', '/proc/1/cgroup')).toBe('0::/init.scope')
    expect(groupOf('machine')).toContain('tspod-')
  }, 600_000)

  test('halts at its stop signal, and leaves no group', async () => {
    const group = groupOf('machine')
    ok('stop', '--time', '100', 'machine')
    expect(ok('inspect', '--format', '{{.State.ExitCode}}', 'machine')).toBe('0')
    await untilGone(group)
    ok('rm', 'machine')
  }, 200_000)
})
