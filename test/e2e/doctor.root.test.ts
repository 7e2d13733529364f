// What `doctor` finds when something is taken away, the words of other commands for the same cause, and the command it prints: typed
// as it is by whom it names, in a mount namespace where nothing of the machine's own changes. Root plays the administrator.
import { afterAll, beforeAll, expect } from 'bun:test'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Check } from '#engine/contracts/system.ts'
import { needs, tspodPath } from '#test/needs.ts'
import type { Result } from './sandbox.ts'
import { makeStranger, type Stranger, strangerId } from './stranger.ts'

let user: Stranger
/** The administrator's own folder. */
let bench: string

beforeAll(() => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  user = makeStranger()
  bench = mkdtempSync('/var/tmp/tspod-doctor-')
  chmodSync(bench, 0o755)
  writeFileSync(join(bench, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  const archive = join(user.home, 'alpine.tar')
  copyFileSync(join(process.env.TSPOD_TEST_FIXTURES, 'alpine.tar'), archive)
  chmodSync(archive, 0o644)
})
afterAll(() => {
  if (user === undefined) return
  user[Symbol.dispose]()
  rmSync(bench, { recursive: true, force: true })
  rmSync(`/var/tmp/tspod-${strangerId}`, { recursive: true, force: true })
})

/** An /etc for one run, in which the stranger has an account and 65,536 ids. */
const ownEtc = () => `
  mkdir -p ${bench}/etc; mount -t tmpfs etc ${bench}/etc; mkdir ${bench}/etc/upper ${bench}/etc/work
  mount -t overlay etc -o lowerdir=/etc,upperdir=${bench}/etc/upper,workdir=${bench}/etc/work /etc
  echo 'stranger:x:${strangerId}:${strangerId}::/:/bin/sh' >> /etc/passwd
  for kind in uid gid; do echo stranger:1900000000:65536 > /etc/sub$kind; done`

/** A program without its privileges. */
const withoutPrivileges = (name: string) => `
  cp /usr/bin/${name} ${bench}/etc/${name}; chmod 0755 ${bench}/etc/${name}; mount --bind ${bench}/etc/${name} /usr/bin/${name}`

interface Case {
  /** Shell commands that take it away. */
  takeAway: string
  /** The check that sees it, and what it finds. */
  check: string
  found: RegExp
  status?: Check['status']
  /** An ordinary container meanwhile: its error, or that it runs all the same. */
  run: { error: RegExp; hint: RegExp } | 'works'
  /** What the container must be given where the error lies in it. */
  options?: string[]
}

const cases = (): Record<string, Case> => ({
  'no subordinate ids': {
    takeAway: ': > /etc/subuid',
    check: 'subordinate user ids',
    found: /gives you none/,
    run: 'works', // with one id
  },
  'a range that is too small': {
    takeAway: 'echo stranger:1900000000:1000 > /etc/subgid',
    check: 'subordinate group ids',
    found: /gives you 1000, images expect 65536/,
    status: 'warn',
    run: 'works',
  },
  'a range that somebody else has too': {
    takeAway: 'echo neighbour:1900001000:10 >> /etc/subuid',
    check: 'subordinate user ids',
    found: /overlaps 1900001000-1900001009 of "neighbour"/,
    status: 'warn',
    run: 'works',
  },
  'newuidmap without its set-uid bit': {
    takeAway: withoutPrivileges('newuidmap'),
    check: 'newuidmap',
    found: /neither the set-uid bit nor the capability cap_setuid/,
    run: { error: /mapping subordinate ids/, hint: /sudo setcap cap_setuid=ep \/usr\/bin\/newuidmap/ },
  },
  'newgidmap without its set-uid bit': {
    takeAway: withoutPrivileges('newgidmap'),
    check: 'newgidmap',
    found: /neither the set-uid bit nor the capability cap_setgid/,
    run: { error: /mapping subordinate ids/, hint: /sudo setcap cap_setgid=ep \/usr\/bin\/newgidmap/ },
  },
  'set-uid programs that do not count': {
    takeAway: 'mount --bind /usr /usr; mount -o remount,bind,nosuid /usr',
    check: 'newuidmap',
    found: /mounted nosuid/,
    run: { error: /mapping subordinate ids/, hint: /remount,suid/ },
  },
  'a closed tun device': {
    takeAway: 'mount -t tmpfs net /dev/net; mknod -m 0600 /dev/net/tun c 10 200',
    check: '/dev/net/tun',
    found: /cannot be opened by you \(mode 0600\)/,
    options: ['--network', 'slirp4netns'],
    run: { error: /connecting the container to the network/, hint: /sudo chmod 0666 \/dev\/net\/tun/ },
  },
  'no tun device': {
    takeAway: 'mount -t tmpfs net /dev/net',
    check: '/dev/net/tun',
    found: /does not exist/,
    options: ['--network', 'slirp4netns'],
    run: { error: /connecting the container to the network/, hint: /sudo mknod -m 0666 \/dev\/net\/tun c 10 200/ },
  },
  'a closed FUSE device': {
    takeAway: `mount -t tmpfs fuse ${bench}/etc; mknod -m 0600 ${bench}/etc/fuse c 10 229; mount --bind ${bench}/etc/fuse /dev/fuse`,
    check: '/dev/fuse',
    found: /cannot be opened by you \(mode 0600\)/,
    status: 'warn', // the kernel's overlay serves
    run: 'works',
  },
  'a runtime folder of somebody else': {
    takeAway: 'mount -t tmpfs -o mode=0755 run "$XDG_RUNTIME_DIR/tspod"',
    check: 'runtime folder',
    found: /belongs to uid 0, must belong to uid 54321/,
    run: { error: /belongs to uid 0/, hint: /XDG_RUNTIME_DIR/ },
  },
  'a home that is read-only': {
    takeAway: 'mount --bind "$HOME" "$HOME"; mount -o remount,bind,ro "$HOME"',
    check: 'store',
    found: /cannot be written by you/,
    run: { error: /EROFS/, hint: /is read-only; --root, or graphroot/ },
  },
})

/** A mount namespace of its own, in which root has performed `before`. */
function enter(before: string): Disposable & { as: (who: 'you' | 'administrator', ...cmd: string[]) => Result } {
  const script = `${before}\necho ready; exec sleep 1000`
  const holder = Bun.spawn(['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script], {
    env: environment(),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const become = ['setpriv', `--reuid=${strangerId}`, `--regid=${strangerId}`, '--clear-groups', '--inh-caps=-all']
  return {
    as(who, ...cmd) {
      const { exitCode, stdout, stderr } = Bun.spawnSync({
        cmd: ['nsenter', '-t', String(holder.pid), '-m', ...(who === 'you' ? become : []), ...cmd],
        env: environment(),
        cwd: '/',
        stdin: 'ignore',
        timeout: 60_000,
      })
      return { status: exitCode ?? 128, stdout: stdout.toString(), stderr: stderr.toString() }
    },
    [Symbol.dispose]: () => holder.kill('SIGKILL'),
  }
}

const environment = () => ({
  HOME: user.home,
  XDG_RUNTIME_DIR: join(user.home, '../run'),
  PATH: `${bench}:/usr/bin:/bin:/usr/sbin:/sbin`,
})

/** Ends what keeps the user's namespace: what is taken away is missed when another is made. */
function endKeeper(): void {
  const keeper = Number(readFileSync(join(user.home, '../run/tspod/userns'), 'utf8').split(' ')[0])
  if (keeper > 1) process.kill(keeper, 'SIGKILL')
}

const names = [
  'no subordinate ids',
  'a range that is too small',
  'a range that somebody else has too',
  'newuidmap without its set-uid bit',
  'newgidmap without its set-uid bit',
  'set-uid programs that do not count',
  'a closed tun device',
  'no tun device',
  'a closed FUSE device',
  'a runtime folder of somebody else',
  'a home that is read-only',
]
for (const name of names)
  needs(
    'root',
    'tspod',
    'fixtures',
    'userns',
  )(`doctor, other commands, and the cure: ${name}`, () => {
    const { takeAway, check, found, status = 'fail', run, options = ['--network', 'none'] } = cases()[name] as Case
    const container = ['run', '--rm', ...options, 'alpine', 'id', '-u']
    using machine = enter(ownEtc())
    const load = () => machine.as('you', tspodPath, 'load', '-q', '-i', join(user.home, 'alpine.tar'))
    const look = (text: string) => (JSON.parse(text) as Check[]).find(each => each.name === check)
    expect(load()).toMatchObject({ status: 0 })
    endKeeper()
    expect(machine.as('administrator', 'sh', '-ec', takeAway)).toMatchObject({ status: 0, stderr: '' })

    const before = look(machine.as('you', tspodPath, 'doctor', '--json').stdout)
    expect(before?.found).toMatch(found)
    expect(before?.status).toBe(status)
    const text = machine.as('you', tspodPath, 'doctor').stdout
    expect(text).toContain(before?.mend?.command.split('\n')[0] ?? 'no command')
    if (run === 'works') expect(load()).toMatchObject({ status: 0 })
    const ran = machine.as('you', tspodPath, ...container)
    if (run === 'works') expect(ran).toEqual({ status: 0, stdout: '0\n', stderr: '' })
    else {
      expect(ran.stderr).toMatch(run.error)
      expect(ran.status).toBe(125)
      expect(ran.stderr).toMatch(new RegExp(`^hint: .*${run.hint.source}`, 'm'))
    }

    const { command = 'false', who = 'you' } = before?.mend ?? {}
    const doctorAfter = who === 'you' ? `${command}\n` : ''
    if (who === 'administrator') expect(machine.as(who, 'sh', '-ec', command)).toMatchObject({ status: 0, stderr: '' })
    const again = (...args: string[]) =>
      machine.as('you', 'sh', '-c', `{ ${doctorAfter || ':'}\n} 2> /dev/null; exec "$@"`, 'sh', tspodPath, ...args)
    expect(look(again('doctor', '--json').stdout)).toMatchObject({ status: 'ok' })
    expect(again('load', '-q', '-i', join(user.home, 'alpine.tar'))).toMatchObject({ status: 0 })
    expect(again(...container)).toEqual({ status: 0, stdout: '0\n', stderr: '' })
  })
