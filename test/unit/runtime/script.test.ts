import { describe, expect, test } from 'bun:test'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { planCreate } from '#runtime/plan/create.ts'
import { type ScriptFacts, writeScript } from '#runtime/script.ts'
import { call } from '#sys/servant/batch.ts'

const spec: RuntimeSpec = {
  ociVersion: '1.1.0',
  root: { path: '/store/c/merged', readonly: true },
  hostname: 'box',
  process: {
    args: ['sh', '-c', `echo "it's" $HOME`],
    env: ['PATH=/bin', 'TEXT=two\nlines'],
    cwd: '/work',
    user: { uid: 1000, gid: 100, additionalGids: [7] },
    noNewPrivileges: true,
    capabilities: { bounding: ['CAP_CHOWN'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 2 ** 64 }],
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] },
    { destination: '/data', type: 'bind', source: '/host/secret folder', options: ['rbind', 'rprivate', 'ro'] },
    { destination: '/etc/hosts', type: 'bind', source: '/store/c/hosts', options: ['bind'] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'tmpcopyup', 'ro'] },
  ],
  linux: {
    namespaces: (['user', 'mount', 'pid', 'network', 'ipc', 'uts'] as const).map(type => ({ type })),
    uidMappings: [
      { containerID: 0, hostID: 0, size: 1 },
      { containerID: 1, hostID: 1, size: 65536 },
    ],
    gidMappings: [{ containerID: 0, hostID: 0, size: 200 }],
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
  },
}

const facts: ScriptFacts = {
  spec,
  root: {
    stages: [
      { calls: [call('chdir', '/store/l'), call('mount', 'overlay', '/store/c/merged', 'overlay', 0, 'lowerdir=a:b')] },
    ],
    path: '/store/c/merged',
  },
  mode: 'full',
  mappings: {
    uid: [
      { insideId: 0, outsideId: 1000, count: 1 },
      { insideId: 1, outsideId: 100_000, count: 65_536 },
    ],
    gid: [{ insideId: 0, outsideId: 1000, count: 1 }],
  },
  process: { keepGroups: false, lastCapability: 40, seccomp: undefined },
  isFolder: source => !source.endsWith('hosts'),
  hasSetpriv: true,
  helper: ['/usr/bin/slirp4netns', '--mtu=65520', '$holder', 'tap0'],
  folder: '/store/c',
  fills: [{ destination: '/data', folder: '/store/volumes/v' }],
}

const script = (changed: Partial<ScriptFacts> = {}) => writeScript({ ...facts, ...changed }, ['mkdir -p /store/c'])

/** Fails unless all are there, in this order. */
function expectOrder(lines: readonly string[], ...wanted: (string | RegExp)[]): void {
  const places = wanted.map(what =>
    lines.findIndex(line => (typeof what === 'string' ? line === what : what.test(line))),
  )
  expect(wanted.filter((_, index) => places[index] === -1)).toEqual([])
  expect(places).toEqual(places.toSorted((a, b) => a - b))
}

describe('planCreate()', () => {
  const plan = planCreate(spec, '/store/c/merged', {
    terminalSocket: undefined,
    isFolder: source => facts.isFolder(source),
  })
  const position = (doing: RegExp) => plan.init.findIndex(step => doing.test(step.doing))

  test('attaches the root first, mounts in order, devices and settings after them', () => {
    const order = [/^keeping/, /^attaching/, /"\/proc"$/, /"\/dev"$/, /"\/data"$/, /"\/dev\/null"/, /host name/].map(
      position,
    )
    expect(order).not.toContain(-1)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })

  test('changes the root last', () => {
    expect(plan.enter.map(({ doing }) => doing)).toEqual(['making the root file system read-only', 'changing the root'])
    expect(plan.init.flatMap(({ calls }) => calls.map(({ name }) => name))).not.toContain('pivot_root')
  })

  test('process 1 never names a path of the host: what is bound was opened for it', () => {
    const named = [...plan.init, ...plan.enter].flatMap(({ calls }) => calls.flatMap(({ args }) => args))
    const texts = named.filter(argument => typeof argument === 'string')
    expect(texts.filter(text => text.startsWith('/host') || text.startsWith('/store'))).toEqual([])
    const opened = plan.stager.flatMap(({ calls }) => calls.flatMap(({ args }) => args))
    expect(opened).toEqual(expect.arrayContaining(['/host/secret folder', '/store/c/hosts', '/store/c/merged']))
  })

  test('tmpcopyup is for tmpfs alone', () => {
    const mounts = [{ destination: '/x', type: 'ramfs', options: ['tmpcopyup'] }]
    const draw = () => planCreate({ ...spec, mounts }, '/r', { terminalSocket: undefined, isFolder: () => true })
    expect(draw).toThrow('mounting ramfs on "/x": "tmpcopyup" is for tmpfs only')
  })
})

describe('writeScript()', () => {
  test('goes from files to namespaces to the program, masks after mounts, the root last', () => {
    expectOrder(
      script(),
      'export C=/store/c',
      'mkdir -p $C',
      'mount --make-rprivate /',
      'mount --rbind $C/merged $C/merged; cd $C/merged',
      'mkdir -p ./proc; mount -t proc -o nosuid proc ./proc',
      `mkdir -p ./data; mount --rbind -o rprivate,ro '/host/secret folder' ./data`,
      'mkdir -p ./etc; touch ./etc/hosts; mount --bind $C/hosts ./etc/hosts',
      /^mkdir -p \.\/run; .*cp -a .*remount,ro \.\/run$/,
      'hostname box',
      /^if \[ -d \.\/proc\/kcore \]/,
      /^\[ ! -e \.\/proc\/sys \]/,
      'prlimit --pid $$ --nofile=10:unlimited',
      'mount -o remount,bind,ro .',
      'pivot_root . .; hash -r; umount -l .; cd /',
      'cd /work',
      'export PATH=/bin',
      /^exec setpriv .* -- sh -c /,
      'mount -t overlay -o lowerdir=a:b overlay $C/merged',
      /cp -a \$C\/merged\/data\/\. \/store\/volumes\/v/,
      'unshare --user --net sleep infinity & holder=$!',
      String.raw`cat > /proc/$holder/uid_map <<< $'0 0 1\n1 1 65536'`,
      '/usr/bin/slirp4netns --mtu=65520 $holder tap0 &',
      /^nsenter --user=.* --net=.* unshare --mount --propagation unchanged --pid --fork --kill-child --ipc --uts bash /,
      'newuidmap $owner 0 1000 1 1 100000 65536',
      /^nsenter --user=.*owner.* unshare --mount --propagation slave bash \$C\/namespace\.sh$/,
    )
  })

  test('is a program that bash understands, whatever is quoted in it', () => {
    for (const lines of [script(), script({ hasSetpriv: false, helper: undefined, mode: 'single', fills: [] })]) {
      const { exitCode, stderr } = Bun.spawnSync({ cmd: ['bash', '-n'], stdin: Buffer.from(`${lines.join('\n')}\n`) })
      expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: '' })
      const container = lines.join('\n').split("<<'CONTAINER'\n")[1]?.split('\nCONTAINER\n')[0] ?? ''
      expect(Bun.spawnSync({ cmd: ['bash', '-n'], stdin: Buffer.from(`${container}\n`) }).exitCode).toBe(0)
    }
  })

  test('says what it leaves out where the image has no setpriv', () => {
    const lines = script({ hasSetpriv: false })
    expectOrder(
      lines,
      /the image has no setpriv/,
      /^# setpriv --bounding-set -all,\+chown .*--reuid 1000 --no-new-privs$/,
      /^exec sh -c /,
    )
  })

  test('maps one id without helpers, joins namespaces of others, makes only those that are new', () => {
    const namespaces = [
      { type: 'mount' as const },
      { type: 'user' as const, path: '/proc/7/ns/user' },
      { type: 'network' as const, path: '/proc/7/ns/net' },
    ]
    const lines = script({ mode: 'single', helper: undefined, spec: { ...spec, linux: { namespaces } } })
    expectOrder(
      lines,
      'join() { nsenter --user=/proc/7/ns/user --net=/proc/7/ns/net --preserve-credentials "$@"; }',
      'join unshare --mount --propagation unchanged bash $C/container.sh',
      'echo deny > /proc/$owner/setgroups',
      "echo '0 1000 1' > /proc/$owner/gid_map",
    )
    expect(lines.some(line => line.includes('holder'))).toBe(false)
    expect(lines.some(line => line.includes('newuidmap'))).toBe(false)
  })
})
