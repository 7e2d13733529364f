import { expect, test } from 'bun:test'
import { runsSystemd, type SystemdMode, systemdMounts } from '#container/systemd-mode.ts'

const runs = (systemd: SystemdMode | undefined, ...args: string[]) => runsSystemd({ systemd, init: false }, args)

test.each([
  [['/sbin/init'], true],
  [['/usr/sbin/init'], true],
  [['/usr/lib/systemd/systemd', '--system'], true],
  [['systemd'], true],
  [['sh', '-c', '/usr/local/sbin/init quiet'], true],
  [['init'], false],
  [['/bin/initctl'], false],
  [['sleep', '10'], false],
  [['sh', '-c', 'echo /sbin/init'], false],
])('runsSystemd() looks at the program: %p', (args, expected) => expect(runs(undefined, ...args)).toBe(expected))

test('runsSystemd() does what is asked', () => {
  expect(runs('always', 'sleep')).toBe(true)
  expect(runs('never', '/sbin/init')).toBe(false)
  expect(runsSystemd({ init: true }, ['/dev/init', '--', '/sbin/init'])).toBe(false)
})

test('systemdMounts() are memory of the size asked for', () => {
  expect(systemdMounts(1024).map(({ destination, options }) => [destination, options?.includes('size=1024')])).toEqual([
    ['/run', true],
    ['/run/lock', true],
    ['/tmp', true],
    ['/var/log/journal', true],
  ])
})
