// Services of systemd that run containers: Quadlet files, readiness, sockets; the bus in place of systemd's own socket, and without one.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, groupOf, image, ok, read, tspod, tspodPath, until } from './_vm.ts'

const units = join(homedir(), '.config/systemd/user')
const systemctl = (...args: string[]) => command('systemctl', '--user', ...args)
const property = (unit: string, name: string) => systemctl('show', unit, '--value', `--property=${name}`).stdout.trim()

/** Starts a unit; what the journal says where that fails. */
function startUnit(unit: string): void {
  const { status, stderr } = systemctl('start', unit)
  const journal = status === 0 ? '' : command('journalctl', '--user', '--no-pager', '-n', '30', '-u', unit).stdout
  expect({ status, stderr, journal }).toEqual({ status: 0, stderr: '', journal: '' })
}

beforeAll(() => void ok('load', '--quiet', '--input', image), 120_000)
afterAll(() => void tspod('rm', '--all', '--force', '--time', '0'), 60_000)

describe('a Quadlet file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quadlets-'))

  beforeAll(() => {
    writeFileSync(join(folder, 'data.volume'), '[Volume]\n')
    writeFileSync(
      join(folder, 'web.container'),
      `[Unit]
Description=Our service
[Container]
Image=alpine
Network=none
Volume=data.volume:/data
Exec=sh -c "echo ready > /data/said; exec sleep 1000"
[Install]
WantedBy=default.target
`,
    )
    expect(ok('quadlet', 'install', folder)).toContain('web.container')
  }, 60_000)

  test('is a unit that systemd knows and wants at boot', () => {
    expect(ok('quadlet', 'list', '--format', '{{.Name}} {{.UnitName}} {{.Status}}')).toBe(
      'data.volume data-volume.service inactive/dead\nweb.container web.service inactive/dead',
    )
    expect(property('web.service', 'LoadState')).toBe('loaded')
    expect(property('web.service', 'Description')).toBe('Our service')
    expect(property('default.target', 'Wants')).toContain('web.service')
  })

  test('starts with all it needs, and its monitor is the service', () => {
    startUnit('web.service')
    expect(property('data-volume.service', 'ActiveState')).toBe('active')
    expect(property('web.service', 'ActiveState')).toBe('active')
    const state = JSON.parse(ok('inspect', 'systemd-web'))[0].State
    expect(property('web.service', 'MainPID')).toBe(String(state.ConmonPid))
    expect(readFileSync(`/proc/${state.ConmonPid}/cgroup`, 'utf8')).toContain('/web.service')
    expect(groupOf('systemd-web')).toContain('/web.service/tspod-')
    expect(ok('exec', 'systemd-web', 'cat', '/data/said')).toBe('ready')
    expect(ok('quadlet', 'list', '--noheading')).toContain('active/running')
  })

  test('stops, and its container is gone', async () => {
    expect(systemctl('stop', 'web.service').status).toBe(0)
    const found = ['ActiveState', 'Result', 'ExecMainCode', 'ExecMainStatus'].map(name => property('web.service', name))
    if (found[0] !== 'inactive') console.error(systemctl('status', '--no-pager', '-l', 'web.service').stdout)
    expect(found).toEqual(['inactive', 'success', '1', '0'])
    await until('the container to go', () => ok('ps', '--all', '--format', '{{.Names}}') === '')
  })

  test('a container that ends by itself ends its service', async () => {
    startUnit('web.service')
    command('kill', '-KILL', ok('inspect', '--format', '{{.State.Pid}}', 'systemd-web'))
    await until('the service to end', () => !/^(?:active|deactivating)$/.test(property('web.service', 'ActiveState')))
    expect(['Result', 'ExecMainStatus'].map(name => property('web.service', name))).toEqual(['exit-code', '137'])
    systemctl('reset-failed', 'web.service')
  })

  test('rm takes the service away', () => {
    startUnit('web.service')
    expect(tspod('quadlet', 'rm', 'web.container').stderr).toContain('its service web.service is active')
    ok('quadlet', 'rm', '--force', 'web.container', 'data.volume')
    expect(property('web.service', 'LoadState')).toBe('not-found')
    expect(ok('ps', '--all', '--quiet')).toBe('')
  })
})

test('generate systemd --new makes a service that runs the container', async () => {
  ok('create', '--name', 'gen', '--network', 'none', 'alpine', 'sleep', '1000')
  mkdirSync(units, { recursive: true })
  writeFileSync(join(units, 'gen.service'), ok('generate', 'systemd', '--new', '--name', 'gen'))
  ok('rm', 'gen')
  systemctl('daemon-reload')
  startUnit('gen.service')
  expect(ok('ps', '--format', '{{.Names}}')).toBe('gen')
  expect(property('gen.service', 'MainPID')).toBe(ok('inspect', '--format', '{{.State.ConmonPid}}', 'gen'))
  expect(systemctl('stop', 'gen.service').status).toBe(0)
  expect(ok('ps', '--all', '--quiet')).toBe('')
})

test('restart-service starts what is always to run, and what no user has stopped', async () => {
  ok(...'create --name always --restart always --network none alpine sleep 1000'.split(' '))
  ok(...'create --name never --network none alpine sleep 1000'.split(' '))
  ok(...'run -d --name unless --restart unless-stopped --network none alpine sleep 1000'.split(' '))
  ok(...'run -d --name stopped --restart unless-stopped --network none alpine sleep 1000'.split(' '))
  ok('stop', '--time', '0', 'stopped')
  // as at logout and at shutdown
  command('kill', '-TERM', ok('inspect', '--format', '{{.State.ConmonPid}}', 'unless'))
  await until('its end', () => ok('inspect', '--format', '{{.State.Status}}', 'unless') === 'exited')
  expect(ok('system', 'restart-service')).toBe(join(units, 'tspod-restart.service'))
  expect(systemctl('is-enabled', 'tspod-restart.service').stdout).toBe('enabled\n')
  startUnit('tspod-restart.service')
  expect(ok('ps', '--format', '{{.Names}}').split('\n').toSorted()).toEqual(['always', 'unless'])
  ok('system', 'restart-service', '--remove')
  expect(property('tspod-restart.service', 'UnitFileState')).toBe('')
  ok('rm', '--force', '--time', '0', 'always', 'never', 'unless', 'stopped')
}, 300_000)

const perl = ['-v', '/usr:/usr:ro', '-v', '/lib:/lib:ro', '-v', '/lib64:/lib64:ro']
const server = `$SIG{TERM} = sub { exit 0 }; open(L, "+<&=", 3) or die $!;
  while (accept(C, L)) { syswrite(C, "hello from pid $$ of $ENV{LISTEN_FDS}\\n"); close(C) }`

test('a socket unit starts its container, which gets the socket', async () => {
  const socket = join(process.env.XDG_RUNTIME_DIR ?? '', 'echo.sock')
  mkdirSync(units, { recursive: true })
  writeFileSync(join(units, 'echo.pl'), server)
  writeFileSync(join(units, 'echo.socket'), `[Socket]\nListenStream=${socket}\n`)
  const words = [tspodPath, 'run', '--rm', '--replace', '--name', 'echo', '--network', 'none', ...perl]
  writeFileSync(
    join(units, 'echo.service'),
    `[Service]\nExecStart=${[...words, '-v', `${join(units, 'echo.pl')}:/echo.pl:ro`, 'alpine', '/usr/bin/perl', '/echo.pl'].join(' ')}\n`,
  )
  systemctl('daemon-reload')
  startUnit('echo.socket')
  expect(property('echo.service', 'ActiveState')).toBe('inactive')
  const said = await new Promise<string>((resolve, reject) => {
    let text = ''
    void Bun.connect({
      unix: socket,
      socket: {
        data: (_, bytes) => void (text += bytes.toString()),
        close: () => resolve(text),
        error: (_, error) => reject(error),
      },
    }).catch(reject)
  })
  expect(said).toBe('hello from pid 1 of 1\n')
  expect(systemctl('stop', 'echo.socket', 'echo.service').status).toBe(0)
})

describe('systemd is reached', () => {
  const runtime = process.env.XDG_RUNTIME_DIR ?? ''
  const own = join(runtime, 'systemd/private')
  const hide = (path: string) => renameSync(path, `${path}.away`)
  const show = (path: string) => existsSync(`${path}.away`) && renameSync(`${path}.away`, path)
  const shortLife = ['run', '--rm', '--network', 'none', '-m', '64m', 'alpine', 'cat', '/sys/fs/cgroup/memory.max']

  test('through the bus, where its own socket is not there', () => {
    hide(own)
    try {
      expect(ok(...shortLife)).toBe('67108864')
      // only the address says where the bus is
      hide(join(runtime, 'bus'))
      const away = `unix:path=${join(runtime, 'bus.away')}`
      const { exitCode, stdout } = Bun.spawnSync({
        cmd: [tspodPath, ...shortLife],
        env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: away },
        stdin: 'ignore',
      })
      expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: '67108864\n' })
      // neither is there: a limit is refused, all else works
      const { DBUS_SESSION_BUS_ADDRESS: _, ...env } = process.env
      const without = Bun.spawnSync({ cmd: [tspodPath, ...shortLife], env, stdin: 'ignore' })
      expect(without.exitCode).toBe(125)
      expect(without.stderr.toString()).toContain('no systemd user manager answers')
    } finally {
      show(join(runtime, 'bus'))
      show(own)
    }
  })

  test('while the bus is killed: what runs goes on, and new ones start', () => {
    ok('run', '--detach', '--name', 'survivor', '--network', 'none', '-m', '64m', 'alpine', 'sleep', '1000')
    const group = groupOf('survivor')
    expect(systemctl('kill', '--signal=KILL', 'dbus.service').status).toBe(0)
    expect(ok('exec', 'survivor', 'echo', 'here')).toBe('here')
    expect(ok('update', '-m', '80m', 'survivor')).toContain('')
    expect(read(group, 'memory.max')).toBe('83886080')
    expect(ok(...shortLife)).toBe('67108864')
    expect(ok('stop', '--time', '0', 'survivor')).toBe('survivor')
    ok('rm', 'survivor')
    systemctl('reset-failed', 'dbus.service') // other tests look for what has failed
  })
})
