import { describe, expect, test } from 'bun:test'
import { checkNetworkHelper, checkTun } from '#engine/system/checks/network.ts'
import { checkCgroups, checkClock, checkLingering, checkRuntimeFolder } from '#engine/system/checks/session.ts'
import { checkFuse, checkOverlay, checkStore } from '#engine/system/checks/storage.ts'
import { checkSubordinateIds, type SubordinateIdFacts } from '#engine/system/checks/subordinate-ids.ts'
import { checkMapHelper, checkNamespaceLimit } from '#engine/system/checks/user-namespaces.ts'
import { runDoctor } from '#engine/system/doctor.ts'
import { deviceObstacle, fuseDevice, tunDevice } from '#host/device-file.ts'
import { installCommand, parseOsRelease } from '#host/distribution.ts'
import type { FilesystemFacts } from '#host/filesystem.ts'
import { parseKernelRelease } from '#host/kernel.ts'

describe('checkMapHelper()', () => {
  const install = () => 'apt-get install uidmap'
  const usual = { isRoot: false, noNewPrivileges: false }
  const helper = (isSetUidRoot: boolean, capabilities: string[] = [], isOnNosuidMount = false) => ({
    path: '/usr/bin/newuidmap',
    privileges: { isSetUidRoot, capabilities, isOnNosuidMount },
  })
  test.each([
    ['set-uid root', helper(true), 'ok'],
    ['the file capability', helper(false, ['cap_setuid']), 'ok'],
    ['the capability of the other helper only', helper(false, ['cap_setgid']), 'fail'],
    ['neither', helper(false), 'fail'],
    ['a nosuid mount', helper(true, [], true), 'fail'],
    ['no program', undefined, 'fail'],
  ] as const)('with %s', (_, found, status) => {
    const check = checkMapHelper(
      'newuidmap',
      found && { ...found, privileges: { ...found.privileges, capabilities: [...found.privileges.capabilities] } },
      install,
      usual,
    )
    expect(check.status).toBe(status)
    expect(check.mend !== undefined).toBe(status === 'fail')
  })
  test('sees that no_new_privs makes the bit worthless', () => {
    expect(checkMapHelper('newuidmap', helper(true), install, { ...usual, noNewPrivileges: true }).status).toBe('fail')
  })
})

describe('checkSubordinateIds()', () => {
  const facts = (
    own: [number, number][],
    all = own.map(([start, count]) => ({ owner: 'alice', start, count })),
  ): SubordinateIdFacts => ({
    user: { name: 'alice', uid: 1000, isRoot: false },
    own: own.map(([start, count]) => ({ start, count })),
    source: 'files',
    all,
    systemIds: [{ name: 'svc', id: 131_072 }],
  })
  test('none: fails and suggests a range that nobody has', () => {
    const check = checkSubordinateIds('uid', facts([], [{ owner: 'bob', start: 196_608, count: 65_536 }]))
    expect(check.status).toBe('fail')
    expect(check.mend).toEqual({ command: "echo 'alice:262144:65536' | sudo tee -a /etc/subuid", who: 'administrator' })
  })
  test('too few: warns with the number', () => {
    const check = checkSubordinateIds('gid', facts([[200_000, 1000]]))
    expect(check).toMatchObject({ status: 'warn', found: '/etc/subgid gives you 1000, images expect 65536' })
  })
  test('several small ranges add up', () => {
    expect(
      checkSubordinateIds(
        'uid',
        facts([
          [200_000, 65_000],
          [300_000, 536],
        ]),
      ).status,
    ).toBe('ok')
  })
  test('ids that the container around does not have: fails, and takes what it has', () => {
    const existing = [{ start: 0, count: 65_537 }]
    expect(checkSubordinateIds('uid', { ...facts([[100_000, 65_536]]), existing })).toMatchObject({
      status: 'fail',
      found: '/etc/subuid gives you 100000-165535, but the container that tspod runs in has only 0-65536',
      mend: {
        command:
          "sudo sed -i '/^alice:/d' /etc/subuid && printf 'alice:1:999\\nalice:1001:64536\\n' | sudo tee -a /etc/subuid",
      },
    })
    const within: [number, number][] = [
      [1, 999],
      [1001, 64_536],
    ]
    expect(checkSubordinateIds('uid', { ...facts(within), systemIds: [], existing }).status).not.toBe('fail')
  })
  test('overlapping another user, or holding a system user: warns', () => {
    const all = [
      { owner: 'alice', start: 200_000, count: 65_536 },
      { owner: 'bob', start: 265_535, count: 10 },
    ]
    expect(checkSubordinateIds('uid', facts([[200_000, 65_536]], all)).found).toContain(
      'overlaps 265535-265544 of "bob"',
    )
    expect(checkSubordinateIds('uid', facts([[200_000, 65_536]], all)).mend?.command).toBe(
      "sudo sed -i 's/^alice:200000:65536$/alice:327680:65536/' /etc/subuid",
    )
    expect(checkSubordinateIds('uid', facts([[100_000, 65_536]])).found).toContain('holds id 131072 of "svc"')
  })
})

describe('checkOverlay()', () => {
  test('believes what was tried rather than the version', () => {
    expect(checkOverlay(parseKernelRelease('4.18.0-el8'), { works: true }).status).toBe('ok')
    expect(checkOverlay(parseKernelRelease('6.1.0'), { works: false, reason: 'EPERM' })).toMatchObject({
      status: 'warn',
      found: 'mounting it failed: EPERM',
    })
  })
  test('does not blame overlay for what kept it from being tried', () => {
    const probe = { works: 'untried', reason: 'no namespace' } as const
    expect(checkOverlay(parseKernelRelease('6.1.0'), probe)).toMatchObject({
      status: 'skip',
      found: 'not tried: no namespace',
    })
  })
  test('without a try, goes by the version', () => {
    expect(checkOverlay(parseKernelRelease('5.10.0'), undefined).status).toBe('warn')
    expect(checkOverlay(parseKernelRelease('5.11.0'), undefined).status).toBe('skip')
  })
})

test('checkFuse() fails only where overlay needs it', () => {
  const missing = { found: 'does not exist', mend: { command: 'sudo modprobe fuse', who: 'administrator' } } as const
  expect(checkFuse(missing, undefined, 'x', true).map(({ status }) => status)).toEqual(['fail', 'fail'])
  expect(checkFuse(missing, undefined, 'x', false).map(({ status }) => status)).toEqual(['warn', 'warn'])
  expect(checkFuse(missing, '/x', 'x', true)[0]).toMatchObject({ status: 'fail', ...missing })
})

describe('deviceObstacle()', () => {
  const bare = { hasDriver: false, isNested: false }
  const command = (...args: Parameters<typeof deviceObstacle>) => deviceObstacle(...args)?.mend?.command
  const missing = { state: 'missing', mode: undefined } as const
  test('of a device that opens is none', () => {
    expect(deviceObstacle(tunDevice, { state: 'ready', mode: 0o666 }, bare)).toBeUndefined()
  })
  test('tells a closed node, a missing node and a missing driver apart', () => {
    expect(deviceObstacle(fuseDevice, { state: 'denied', mode: 0o600 }, bare)).toEqual({
      found: 'cannot be opened by you (mode 0600)',
      mend: { command: 'sudo chmod 0666 /dev/fuse', who: 'administrator' },
    })
    expect(command(tunDevice, missing, bare)).toBe('sudo modprobe tun')
    expect(command(tunDevice, missing, { ...bare, hasDriver: true })).toBe(
      'sudo mkdir -p /dev/net && sudo mknod -m 0666 /dev/net/tun c 10 200',
    )
    expect(command(fuseDevice, missing, { ...bare, hasDriver: true })).toBe('sudo mknod -m 0666 /dev/fuse c 10 229')
  })
  test('nobody can make a device in a user namespace: whoever starts the container gives it', () => {
    expect(command(tunDevice, missing, { hasDriver: true, isNested: true })).toContain('--device /dev/net/tun')
  })
})

describe('checkStore()', () => {
  const writable = { isWritable: true, localFolder: undefined }
  const storage = { graphRoot: '/s', runRoot: { path: '/r', kind: 'xdg' } } as const
  const disk: FilesystemFacts = {
    kind: 'ext4',
    isNetwork: false,
    totalBytes: 1e12,
    freeBytes: 1e11,
    totalInodes: 1e7,
    freeInodes: 1e6,
  }
  test.each([
    ['a roomy disk', disk, 'ok'],
    ['few bytes', { ...disk, freeBytes: 1e9 }, 'warn'],
    ['few inodes', { ...disk, freeInodes: 10 }, 'warn'],
    ['a file system that counts no inodes', { ...disk, totalInodes: 0, freeInodes: 0 }, 'ok'],
    ['nfs', { ...disk, kind: 'nfs', isNetwork: true }, 'fail'],
    ['tmpfs', { ...disk, kind: 'tmpfs' }, 'warn'],
  ] as const)('on %s', (_, facts, status) => expect(checkStore(storage, facts, writable).status).toBe(status))
  test('of a home that cannot be written is named', () => {
    expect(checkStore(storage, disk, { isWritable: false, localFolder: '/var/tmp/me' })).toMatchObject({
      status: 'fail',
      found: '"/s" (ext4) cannot be written by you',
      mend: {
        who: 'you',
        command: 'mkdir -m 0700 /var/tmp/me; test -O /var/tmp/me && export XDG_DATA_HOME=/var/tmp/me',
      },
    })
  })
  test('says that the default was avoided', () => {
    const check = checkStore(
      { ...storage, avoidedFilesystem: 'lustre', graphRootReason: '"/home/x" is on lustre' },
      disk,
      writable,
    )
    expect(check.status).toBe('warn')
    expect(check.found).toContain('is on lustre')
  })
})

describe('network, groups, session', () => {
  test('one of the two network helpers is enough', () => {
    const status = (found: boolean, isDefault: boolean, hasOther: boolean) =>
      checkNetworkHelper('pasta', found ? { path: '/p', version: '1' } : undefined, {
        isDefault,
        hasOther,
        install: 'i',
      }).status
    expect(status(true, false, false)).toBe('ok')
    expect(status(false, true, false)).toBe('fail')
    expect(status(false, true, true)).toBe('warn')
    expect(status(false, false, true)).toBe('skip')
  })
  test('a missing tun device is mended by its module, a closed one by its mode', () => {
    expect(checkTun(undefined).status).toBe('ok')
    expect(checkTun({ found: 'does not exist' })).toMatchObject({ status: 'fail', found: 'does not exist' })
  })
  test('a controller that was not delegated is named, with the drop-in', () => {
    const v2 = {
      version: 'v2',
      mountPoint: '/sys/fs/cgroup',
      ownGroup: '/',
      controllers: ['cpu', 'memory', 'pids'],
    } as const
    const facts = (delegatedControllers: string[]) => ({
      ...v2,
      controllers: [...v2.controllers],
      delegatedControllers,
    })
    const check = checkCgroups(facts(['memory', 'pids']), false)
    expect(check.found).toContain('not cpu')
    expect(check.mend?.command).toContain('Delegate=')
    expect(checkCgroups(facts(['cpu', 'memory', 'pids']), false).status).toBe('ok')
    expect(checkCgroups(facts([]), false).status).toBe('warn')
    expect(checkCgroups({ ...facts([]), version: 'hybrid' }, false).found).toContain('version 1')
  })
  test('lingering matters only to users of a machine with systemd', () => {
    const facts = { hasSystemd: true, lingers: false, isRoot: false, userName: 'alice' }
    expect(checkLingering(facts).mend).toEqual({ command: 'loginctl enable-linger alice', who: 'you' })
    expect(checkLingering({ ...facts, lingers: true }).status).toBe('ok')
    expect(checkLingering({ ...facts, hasSystemd: false }).status).toBe('skip')
    expect(checkLingering({ ...facts, isRoot: true }).status).toBe('skip')
  })
  test('a runtime folder of somebody else fails, a long path and a makeshift one warn', () => {
    const xdg = { path: '/run/user/1000/tspod', kind: 'xdg' } as const
    expect(checkRuntimeFolder(xdg, undefined, 40).status).toBe('ok')
    expect(checkRuntimeFolder(xdg, 'belongs to uid 5', 40).status).toBe('fail')
    expect(checkRuntimeFolder(xdg, undefined, 108).status).toBe('warn')
    expect(checkRuntimeFolder({ path: '/tmp/tspod-1000', kind: 'private' }, undefined, 30).status).toBe('warn')
  })
  test('a clock before the build is wrong', () => {
    expect(checkClock(1000, 2000).status).toBe('warn')
    expect(checkClock(3000, 2000).status).toBe('ok')
  })
  test('few namespaces warn', () => {
    expect(checkNamespaceLimit(10, 'x').status).toBe('warn')
    expect(checkNamespaceLimit(60_000, 'x').status).toBe('ok')
    expect(checkNamespaceLimit(undefined, 'x').status).toBe('skip')
  })
})

describe('installCommand()', () => {
  test.each([
    ['ID=debian\nVERSION_ID="12"', 'sudo apt-get install -y uidmap'],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"', 'sudo dnf install -y shadow-utils'],
    ["ID='opensuse-tumbleweed'", 'sudo zypper install -y shadow'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"', 'sudo apt-get install -y uidmap'],
    ['', 'install the package that holds newuidmap (uidmap on Debian)'],
  ])('%j', (text, command) => expect(installCommand('newuidmap', parseOsRelease(text))).toBe(command))
})

test('runDoctor() gives every check a name of its own, a reason, and mends only what is not well', async () => {
  const checks = await runDoctor({ probeOverlay: async () => ({ works: true }) })
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length)
  expect(checks.find(({ name }) => name === 'kernel overlay')?.status).toBe('ok')
  for (const { status, why, found, mend } of checks) {
    expect(why.length).toBeGreaterThan(10)
    expect(found).not.toBe('')
    if (status === 'ok' || status === 'skip') expect(mend).toBeUndefined()
  }
})
