// What a service manager hands over and hears, as systemd does it (sd_notify(3), sd_listen_fds(3)), and the units made for it.
import { afterAll, expect } from 'bun:test'
import { existsSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatagramSocket, receiveDatagram } from '#sys/datagram.ts'
import { readFd } from '#sys/fd.ts'
import { connectUnix, listenUnix } from '#sys/socket.ts'
import { read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspodWith, ok } = box

/** A manager's socket and what it has heard. */
function openManager(name: string) {
  const path = join(box.runtime, name)
  const socket = openDatagramSocket(path)
  afterAll(() => socket.close())
  const heard: string[] = []
  return {
    path,
    heard: () => {
      for (let text = receiveDatagram(socket.number); text !== undefined; text = receiveDatagram(socket.number))
        heard.push(text)
      return heard
    },
  }
}

tspodOnly()('run -d --sdnotify=conmon tells the monitor’s pid, and that the container runs', async () => {
  const manager = openManager('conmon.sock')
  const { status } = await tspodWith(
    { env: { NOTIFY_SOCKET: manager.path } },
    ...'run -d --name told --network none --sdnotify conmon alpine sleep 100'.split(' '),
  )
  expect(status).toBe(0)
  const monitor = await ok('inspect', '--format', '{{.State.ConmonPid}}', 'told')
  expect(manager.heard()).toEqual([`MAINPID=${monitor}\nREADY=1`, 'BARRIER=1'])
  expect(await ok('exec', 'told', 'env')).not.toContain('NOTIFY_SOCKET')
  await ok('rm', '-f', '-t', '0', 'told')
})

/** Perl of this machine in a container. */
const perl = ['/usr', '/lib', '/lib64'].filter(existsSync).flatMap(path => ['-v', `${path}:${path}:ro`])
const tell = `use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die $!;
  send(S, "READY=1\\nMAINPID=1\\nSTATUS=from inside", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; sleep 100`

for (const attached of [false, true])
  tspodOnly('perl')(
    `with --sdnotify=container it is the container that says when it is ready (${attached ? 'attached' : 'detached'})`,
    async () => {
      const manager = openManager(`container-${attached}.sock`)
      const name = `teller-${attached}`
      const words = [...`run --name ${name} --network none`.split(' '), ...perl, 'alpine', '/usr/bin/perl', '-e', tell]
      const ended = attached
        ? tspodWith({ env: { NOTIFY_SOCKET: manager.path } }, ...words)
        : await tspodWith({ env: { NOTIFY_SOCKET: manager.path } }, 'run', '-d', ...words.slice(1))
      await until('READY=1', () => manager.heard().includes('READY=1\nSTATUS=from inside'))
      const monitor = await ok('inspect', '--format', '{{.State.ConmonPid}}', name)
      expect(manager.heard()).toEqual([
        ...(attached ? [] : [`MAINPID=${monitor}`, 'BARRIER=1']),
        'READY=1\nSTATUS=from inside',
      ])
      await ok('rm', '-f', '-t', '0', name)
      await ended
    },
  )

tspodOnly()('a container that does not speak of it is told of at a later start', async () => {
  const manager = openManager('start.sock')
  await ok(...'create --name later --network none alpine sleep 100'.split(' '))
  await tspodWith({ env: { NOTIFY_SOCKET: manager.path } }, 'start', 'later')
  expect(manager.heard()[0]).toMatch(/^MAINPID=\d+\nREADY=1$/)
  await ok('rm', '-f', '-t', '0', 'later')
})

const serve = `print "$ENV{LISTEN_FDS} $ENV{LISTEN_PID} $ENV{LISTEN_FDNAMES} $$\\n"; open(L, "+<&=", 3) or die $!;
  accept(C, L) or die $!; syswrite(C, "hello from inside\\n")`

for (const [how, init, pid] of [
  ['', [], '1'],
  [' with --init', ['--init'], '2'],
] as const)
  tspodOnly('perl')(`listening sockets are handed on to the container${how}`, async () => {
    const listener = listenUnix(box.runtime, 'web.sock')
    afterAll(() => listener.close())
    const words = ['run', '--rm', '--network', 'none', ...init, ...perl, 'alpine', '/usr/bin/perl', '-e', serve]
    const server = Bun.spawn(['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...box.command, ...words], {
      env: { ...box.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' },
      stdio: ['ignore', 'pipe', 'pipe', listener.number],
    })
    const client = connectUnix(box.runtime, 'web.sock')
    const [out, err] = [new Response(server.stdout).text(), new Response(server.stderr).text()]
    expect({ out: await out, err: await err }).toEqual({ out: `1 ${pid} web ${pid}\n`, err: '' })
    const bytes = Buffer.alloc(64)
    expect(bytes.toString('utf8', 0, readFd(client.number, bytes))).toBe('hello from inside\n')
    client.close()
  })

const quadlets = {
  'web.container': `[Container]
Image=alpine
CgroupsMode=no-conmon
Volume=data.volume:/d
Exec=sleep 1000
[Install]
WantedBy=default.target
`,
  'data.volume': '[Volume]\n',
}

tspodOnly()('quadlet install makes services of the user, quadlet rm takes them away again', async () => {
  const folder = box.folder('quadlets')
  for (const [name, text] of Object.entries(quadlets)) write(folder, name, text)
  const alone = await box.tspod('quadlet', 'install', join(folder, 'web.container'))
  expect(alone.stderr).toContain('there is no Quadlet file "data.volume"')
  expect(existsSync(join(box.home, '.config/containers'))).toBe(false)

  await ok('quadlet', 'install', '--reload-systemd=false', folder)
  const units = join(box.home, '.config/systemd/user')
  const web = read(join(units, 'web.service'))
  expect(web).toStartWith('# Automatically generated by tspod quadlet\n')
  expect(web).toContain('Requires=data-volume.service\n')
  expect(web).toMatch(/^ExecStart=\/.* run --name systemd-%N --replace --rm .* -v systemd-data:\/d alpine sleep 1000$/m)
  expect(readlinkSync(join(units, 'default.target.wants/web.service'))).toBe('../web.service')
  expect(await ok('quadlet', 'print', 'web.container')).toBe(quadlets['web.container'].trimEnd())
  expect(await ok('quadlet', 'list', '--format', '{{.Name}} {{.UnitName}} {{.Status}}')).toBe(
    'data.volume data-volume.service Not loaded\nweb.container web.service Not loaded',
  )
  const again = await box.tspod('quadlet', 'install', folder)
  expect(again.stderr).toContain('already exists')

  write(units, 'mine.service', '[Service]\nExecStart=true\n')
  write(box.folder('.config/containers/systemd'), 'mine.container', '[Container]\nImage=x\nCgroupsMode=no-conmon\n')
  const clash = await box.tspod('quadlet', 'generate', '--reload-systemd=false')
  expect(clash.stderr).toContain('a unit of this name is there that is not tspod')
  expect(read(join(units, 'mine.service'))).toBe('[Service]\nExecStart=true\n')
  rmSync(join(box.home, '.config/containers/systemd/mine.container'))

  await ok('quadlet', 'rm', '--reload-systemd=false', 'web.container', 'data.volume')
  expect(existsSync(join(units, 'web.service'))).toBe(false)
  expect(existsSync(join(units, 'default.target.wants/web.service'))).toBe(false)
  expect(existsSync(join(units, 'mine.service'))).toBe(true)
})

tspodOnly()('what a Quadlet file asks for and tspod does not have is refused by name', async () => {
  const folder = box.folder('refused')
  const refuse = async (name: string, text: string) => {
    const result = await box.tspod('quadlet', 'install', write(folder, name, text))
    expect(result.status).toBe(125)
    return result.stderr
  }
  expect(await refuse('a.artifact', '[Artifact]\n')).toContain('names end with .container, .volume')
  expect(await refuse('a.pod', '[Pod]\nPodmanArgs=--gpus all\n')).toContain('--gpus')
  expect(await refuse('b.container', '[Container]\nImage=x\nCgroupsMode=no-conmon\nPodmanArgs=--gpus all\n')).toContain(
    '--gpus',
  )
  expect(await refuse('c.container', '[Container]\nImage=x\nCgroupsMode=no-conmon\nPodmanArgs=--nonsense\n')).toContain(
    'unknown flag: --nonsense',
  )
  expect(await refuse('d.container', '[Container]\nImage=x\nNonsense=1\n')).toContain("unsupported key 'Nonsense'")
})

tspodOnly()('a generator writes into the folder that systemd gives it', async () => {
  const sources = box.folder('sources')
  const out = box.folder('generated')
  write(sources, 'data.volume', '[Volume]\n')
  const env = { QUADLET_UNIT_DIRS: sources }
  expect(await tspodWith({ env }, 'quadlet', 'generate', out, out, out)).toMatchObject({ status: 0, stderr: '' })
  expect(read(join(out, 'data-volume.service'))).toContain('volume create --ignore systemd-data')
  const dry = await tspodWith({ env }, 'quadlet', '-dryrun')
  expect(dry.stdout).toStartWith('---data-volume.service---\n')
})

tspodOnly()('generate systemd repeats the command that made the container', async () => {
  await ok(...'create --name gen --network none --restart no -e A=$x alpine sleep 100'.split(' '))
  const unit = await ok(...'generate systemd --new --name --no-header gen'.split(' '))
  expect(unit).toContain('\t--name gen \\\n\t--network none \\\n\t--env A=$$x \\\n\talpine sleep 100\n')
  expect(unit).not.toContain('--restart')
  const id = await ok('inspect', '--format', '{{.Id}}', 'gen')
  expect(await ok('generate', 'systemd', 'gen')).toContain(` start ${id}\n`)
  await ok('rm', 'gen')
})
