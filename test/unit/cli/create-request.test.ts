import { expect, test } from 'bun:test'
import { runCommand } from '#cli/commands/run.ts'
import { createRequest } from '#cli/create-request.ts'
import { parseCommand } from '#cli/parse.ts'

function request(...argv: string[]) {
  const line = parseCommand(runCommand, argv)
  return createRequest(line.values as never, line.operands, '/here')
}

test('a bare image asks for the defaults of podman', () => {
  expect(request('alpine')).toMatchObject({
    image: 'alpine',
    command: [],
    httpProxy: true,
    readOnlyTmpfs: true,
    passwd: true,
    pull: 'missing',
    imageVolumes: 'anonymous',
    network: { kind: 'default' },
    userns: { kind: 'default' },
  })
  expect(request('alpine').entrypoint).toBeUndefined()
})

test('the everyday line becomes what it says', () => {
  const found = request(
    ...'--rm -it --name web -e A=1 -e B -l app=web --label=bare --user 1000:100 -w /srv -h box'.split(' '),
    ...'-v /data:/data:ro --tmpfs /run --cap-add NET_RAW,SYS_PTRACE --network none alpine sh -c true'.split(' '),
  )
  expect(found).toMatchObject({
    name: 'web',
    remove: true,
    interactive: true,
    tty: true,
    env: ['A=1', 'B'],
    labels: { app: 'web', bare: '' },
    user: '1000:100',
    workdir: '/srv',
    hostname: 'box',
    capAdd: ['NET_RAW', 'SYS_PTRACE'],
    network: { kind: 'none' },
    command: ['sh', '-c', 'true'],
  })
  expect(found.mounts.map(mount => [mount.type, mount.destination])).toEqual([
    ['bind', '/data'],
    ['tmpfs', '/run'],
  ])
})

test('paths are resolved against the current folder', () => {
  const found = request(
    '--rootfs',
    '--env-file',
    'env',
    '--cidfile',
    'id',
    '--init-path',
    './init',
    './mini_root',
    'bash',
  )
  expect(found.rootfs).toBe('/here/./mini_root')
  expect(found.image).toBeUndefined()
  expect([found.envFiles, found.cidFile, found.initPath, found.init]).toEqual([
    ['/here/env'],
    '/here/id',
    '/here/./init',
    true,
  ])
})

const entrypoints: [string, string[]][] = [
  ['', []],
  ['/bin/sh', ['/bin/sh']],
  ['sh -c', ['sh -c']],
  ['["sh", "-c"]', ['sh', '-c']],
  ['[', ['[']],
]
for (const [text, wanted] of entrypoints)
  test(`--entrypoint '${text}' is ${JSON.stringify(wanted)}`, () => {
    expect(request('--entrypoint', text, 'alpine').entrypoint).toEqual(wanted)
  })

test('--pull=true and --pull=false are old words for always and never', () => {
  expect([request('--pull=true', 'x').pull, request('--pull=false', 'x').pull]).toEqual(['always', 'never'])
})

test('--os, --arch and --variant make a platform', () => {
  expect(request('--arch', 'arm', '--variant', 'v7', 'x').platform).toBe('linux/arm/v7')
})

const wrong: [string[], string][] = [
  [['--replace'], 'cannot replace container without --name being set'],
  [['--no-hosts', '--add-host', 'a:1.2.3.4'], '--no-hosts and --add-host cannot be set together'],
  [['--userns', 'keep-id', '--uidmap', '0:1:1'], '--userns and --uidmap/--gidmap cannot be set together'],
  [['--add-host', 'a:300.1.1.1'], 'parsing --add-host "a:300.1.1.1"'],
  [['--expose', '0'], 'parsing --expose "0": port is "0", must be 1-65535'],
  [['--expose', '90-80'], 'parsing --expose "90-80": port range "90-80" ends before it begins'],
  [['--env', '=x'], 'parsing --env "=x": the name before "=" is empty'],
  [['--sysctl', 'x'], 'parsing --sysctl "x": must be of the form NAME=VALUE'],
  [['--umask', '9'], 'invalid argument "9" for "--umask" flag: must be an octal mode'],
  [['--entrypoint', '[1]'], 'parsing --entrypoint "[1]"'],
  [['--platform', 'linux/arm64', '--arch', 'arm'], '--platform option can not be specified with'],
  [['--shm-size', 'big'], 'parsing --shm-size "big"'],
  [['-p', '80:x'], 'parsing --publish "80:x": container port is "x", must be 1-65535'],
  [['--dns', 'nonsense'], 'parsing --dns "nonsense": must be an IP address'],
  [['--dns', 'none', '--dns', '1.1.1.1'], 'parsing --dns "none": must be an IP address, or none alone'],
  [['--ip', '10.0.0.1'], '--ip needs a user-defined network, found no --network'],
  [['--network', 'host', '--ip', '10.0.0.1'], '--ip needs a user-defined network, found --network "host"'],
  [['--network', 'container:x', '--dns', '1.1.1.1'], 'conflicting options: dns and the network mode: container'],
  [['--network', 'container:x', '--add-host', 'a:1.1.1.1'], 'cannot set extra host entries'],
  [['--cgroups', 'split', '--cgroup-parent', 'a'], '--cgroups=split and --cgroup-parent cannot be set together'],
]
for (const [argv, message] of wrong)
  test(`"${argv.join(' ')}" is refused: ${message}`, () => {
    expect(() => request(...argv, 'alpine')).toThrow(message)
  })
