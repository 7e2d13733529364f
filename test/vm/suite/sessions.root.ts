// What becomes of containers when their user logs out, with and without lingering. Runs as the machine's root.
import { beforeAll, expect, test } from 'bun:test'
import { inSession, okSession } from './_session.ts'
import { command, image, until } from './_vm.ts'

const sleeper = `alpine sh -c 'trap "exit 7" TERM; while :; do sleep 0.2; done'`
const manager = 'user@1003.service'
const isActive = () => command('systemctl', 'is-active', manager).stdout.trim() === 'active'
/** Processes of the user and of the subordinate ids. */
const processes = () =>
  command('ps', '-eo', 'uid,pid,args', '--no-headers')
    .stdout.split('\n')
    .filter(line => /^\s*(1003|[1-9]\d{5,})\s/.test(line))
const sessions = () =>
  command('loginctl', 'list-sessions', '--no-legend')
    .stdout.split('\n')
    .filter(line => / guest /.test(line))

beforeAll(() => void okSession('guest', `$T load --quiet --input ${image}`), 120_000)

test('without lingering, run -d says once that the container ends at logout, and so it does, with all that served it', async () => {
  const { stderr, stdout, status } = inSession(
    'guest',
    `$T run -d --name first --network none ${sleeper} && $T network create net >/dev/null &&
    { $T run -d --name second --network net --stop-timeout 20 ${sleeper} && $T run -d --name third --stop-signal INT alpine \\
      sh -c 'trap "sleep 1; exit 9" INT; while :; do sleep 0.2; done'; } 2>&1 >/dev/null`,
  )
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr:
      'note: this container ends with your systemd user manager, which may be when you log out; `loginctl enable-linger` keeps that running\n',
  })
  expect(stdout.trim()).toMatch(/^[0-9a-f]{64}$/)
  await until('the session to end', () => sessions().length === 0, 120_000)
  await until('the manager to end', () => !isActive(), 120_000)
  await until('all processes to end', () => processes().length === 0, 60_000)
  expect(okSession('guest', `$T ps -a --format '{{.Names}} {{.State}} {{.ExitCode}}' | sort`)).toBe(
    'first exited 7\nsecond exited 7\nthird exited 9',
  )
  okSession('guest', '$T start first >/dev/null && $T rm -a -f -t 0 && $T network rm net')
}, 400_000)

test('with lingering it goes on, and later sessions find it', async () => {
  expect(command('loginctl', 'enable-linger', 'guest').status).toBe(0)
  const { status, stderr } = inSession('guest', `$T run -d --name third --network none ${sleeper}`)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  await until('the session to end', () => sessions().length === 0, 60_000)
  await Bun.sleep(15_000)
  expect(isActive()).toBe(true)
  expect(okSession('guest', "$T ps --format '{{.Names}} {{.State}}'; $T exec third echo here")).toBe(
    'third running\nhere',
  )
  okSession('guest', '$T rm -f -t 0 third')
  command('loginctl', 'disable-linger', 'guest')
}, 120_000)
