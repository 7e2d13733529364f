import { describe, expect, test } from 'bun:test'
import { planCapabilities } from '#runtime/plan/capabilities.ts'
import { encodeDevice, planDevices } from '#runtime/plan/devices.ts'
import { planIdentity } from '#runtime/plan/identity.ts'
import { planMasks } from '#runtime/plan/masks.ts'
import { encodeMountAttributes, planMountFlags } from '#runtime/plan/mounts.ts'
import { planRlimits } from '#runtime/plan/rlimits.ts'
import { planSysctls } from '#runtime/plan/sysctls.ts'

describe('planMountFlags()', () => {
  test('separates flags, propagation and what the file system is told', () => {
    expect(
      planMountFlags(['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k', 'rprivate', 'tmpcopyup']),
    ).toEqual({
      flags: 2 | 8 | (1 << 24),
      clear: 0,
      bind: false,
      recursive: false,
      remount: false,
      propagation: [(1 << 18) | 16384],
      data: 'mode=755,size=65536k',
      copyUp: true,
      tree: undefined,
    })
  })
  test('the last of two words wins', () => {
    expect(planMountFlags(['ro', 'rw'])).toMatchObject({ flags: 0, clear: 1 })
    expect(planMountFlags(['rw', 'ro'])).toMatchObject({ flags: 1, clear: 0 })
    expect(planMountFlags(['noatime', 'relatime'])).toMatchObject({ flags: 1 << 21 })
    expect(planMountFlags(['bind', 'rbind', 'suid', 'exec', 'dev'])).toMatchObject({
      bind: true,
      recursive: true,
      clear: 14,
    })
    expect(planMountFlags(['rbind', 'bind'])).toMatchObject({ recursive: false })
  })
  test('each propagation word is one call, whole trees or not', () => {
    expect(planMountFlags(['slave', 'rshared', 'unbindable']).propagation).toEqual([
      1 << 19,
      (1 << 20) | 16384,
      1 << 17,
    ])
  })
  test('words for the whole tree become mount_setattr(2) masks', () => {
    expect(planMountFlags(['rro', 'rnosuid', 'rexec']).tree).toEqual({ set: 3, clear: 8 })
    expect(planMountFlags(['rro', 'rrw']).tree).toEqual({ set: 0, clear: 1 })
    expect(planMountFlags(['rnoatime', 'rrelatime']).tree).toEqual({ set: 0, clear: 0x70 })
    expect([...encodeMountAttributes({ set: 3, clear: 0x108 })].slice(0, 16)).toEqual([
      3, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0,
    ])
  })
  test('every flag has a word that takes it back', () => {
    const pairs: Record<string, string> = {
      ro: 'rw',
      nosuid: 'suid',
      nodev: 'dev',
      noexec: 'exec',
      sync: 'async',
      mand: 'nomand',
      nosymfollow: 'symfollow',
      noatime: 'atime',
      nodiratime: 'diratime',
      relatime: 'norelatime',
      strictatime: 'nostrictatime',
      silent: 'loud',
      iversion: 'noiversion',
      lazytime: 'nolazytime',
    }
    for (const [set, clear] of Object.entries(pairs)) {
      const { flags } = planMountFlags([set])
      expect(flags).not.toBe(0)
      expect(planMountFlags([set, clear])).toMatchObject({ flags: 0, clear: flags, data: '' })
    }
  })
  test('idmap is refused, unknown words and defaults are not flags', () => {
    expect(() => planMountFlags(['idmap'])).toThrow('idmapped mounts need privilege')
    expect(planMountFlags(['defaults', '', 'hidepid=2', 'rslaver', 'xprivate']).data).toBe('hidepid=2,rslaver,xprivate')
  })
})

describe('planCapabilities()', () => {
  const words = (data: Uint8Array) => [...new Uint32Array(data.slice().buffer)]
  test('writes three sets in two words each', () => {
    const plan = planCapabilities({
      bounding: ['CAP_CHOWN', 'CAP_SYSLOG'],
      effective: ['CAP_CHOWN', 'CAP_SYSLOG'],
      permitted: ['CAP_CHOWN', 'CAP_SYSLOG'],
      inheritable: ['CAP_CHOWN'],
      ambient: ['CAP_CHOWN'],
    })
    expect(words(plan.header)).toEqual([0x20080522, 0])
    expect(words(plan.data)).toEqual([1, 1, 1, 4, 4, 0])
    expect(plan.raiseAmbient).toEqual([0])
    expect(plan.dropFromBounding.length).toBe(39)
    expect(plan.dropFromBounding).not.toContain(34)
  })
  test('never asks the kernel for what it would refuse', () => {
    const plan = planCapabilities({ effective: ['CAP_KILL'], ambient: ['CAP_KILL'], inheritable: ['CAP_KILL'] })
    expect(words(plan.data)).toEqual([0, 0, 32, 0, 0, 0])
    expect(plan.raiseAmbient).toEqual([])
  })
  test('names what this kernel does not know', () => {
    expect(planCapabilities({ bounding: ['CAP_BPF', 'CAP_FLY'] }, 37)).toMatchObject({
      unknown: ['CAP_BPF', 'CAP_FLY'],
    })
    expect(planCapabilities({}, 37).dropFromBounding.at(-1)).toBe(37)
  })
})

describe('planIdentity()', () => {
  const linux = {
    namespaces: [{ type: 'user' as const }],
    uidMappings: [{ containerID: 0, hostID: 0, size: 10 }],
    gidMappings: [
      { containerID: 0, hostID: 0, size: 1 },
      { containerID: 5, hostID: 5, size: 5 },
    ],
  }
  const plan = (user: { uid: number; gid: number; additionalGids?: number[] }, keepGroups = false) =>
    planIdentity({ user, args: ['x'], cwd: '/' }, linux, { keepGroups })
  test('gives setgroups(2) its words', () => {
    const identity = plan({ uid: 3, gid: 5, additionalGids: [5, 9, 5] })
    expect([...new Uint32Array(identity.groups?.list.slice().buffer ?? new ArrayBuffer(0))]).toEqual([5, 9])
    expect(identity).toMatchObject({ uid: 3, gid: 5, keepCapabilities: true })
    expect(plan({ uid: 0, gid: 0 }).keepCapabilities).toBe(false)
    expect(plan({ uid: 0, gid: 0, additionalGids: [0] }, true).groups).toBeUndefined()
  })
  test('refuses ids that are not mapped, and groups that cannot be set', () => {
    expect(() => plan({ uid: 10, gid: 0 })).toThrow(
      "user id 10 is not mapped in the container's user namespace, which has 0-9",
    )
    expect(() => plan({ uid: 0, gid: 3 })).toThrow('group id 3 is not mapped')
    expect(() => plan({ uid: 0, gid: 0, additionalGids: [11] })).toThrow('group id 11 is not mapped')
    expect(() => plan({ uid: 0, gid: 0, additionalGids: [6] }, true)).toThrow('additional groups 6 cannot be set')
  })
})

test('planRlimits() writes 64-bit limits and knows infinity', () => {
  const [limit] = planRlimits([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 2 ** 64 }])
  expect(limit?.resource).toBe(7)
  expect(Buffer.from(limit?.limits ?? []).toString('hex')).toBe('0004000000000000ffffffffffffffff')
  expect(() => planRlimits([{ type: 'RLIMIT_FOO', soft: 1, hard: 1 }])).toThrow('rlimit "RLIMIT_FOO"')
  expect(() => planRlimits([{ type: 'RLIMIT_CPU', soft: 2, hard: 1 }])).toThrow('above the hard limit')
  const twice = { type: 'RLIMIT_CPU', soft: 1, hard: 1 }
  expect(() => planRlimits([twice, twice])).toThrow('given twice')
})

test('planSysctls() writes only into namespaces of the container', () => {
  const plan = (sysctl: Record<string, string>) =>
    planSysctls({ sysctl, namespaces: [{ type: 'network' }, { type: 'ipc' }] })
  expect(plan({ 'net.ipv4.conf.eth0/1.rp_filter': '0', 'kernel.sem': '1 2', 'net/ipv4/conf/a.b/x': '3' })).toEqual([
    { path: '/proc/sys/net/ipv4/conf/eth0.1/rp_filter', value: '0' },
    { path: '/proc/sys/kernel/sem', value: '1 2' },
    { path: '/proc/sys/net/ipv4/conf/a.b/x', value: '3' },
  ])
  expect(() => plan({ 'vm.overcommit': '1' })).toThrow('not in a separate kernel namespace')
  expect(() => plan({ 'kernel.domainname': 'x' })).toThrow('needs a uts namespace')
  expect(() => plan({ 'net/../kernel/core_pattern': 'x' })).toThrow('no such parameter')
  expect(() => plan({ 'net.//.kernel': 'x' })).toThrow('no such parameter')
})

test('planDevices() binds nodes, makes them where it can, and pipes always', () => {
  const bound = planDevices([
    { type: 'c', path: '/dev/fuse', major: 10, minor: 229 },
    { type: 'p', path: '/run/pipe', fileMode: 0o600 },
  ])
  expect(bound.slice(0, 6).map(({ path }) => path)).toEqual([
    '/dev/null',
    '/dev/zero',
    '/dev/full',
    '/dev/random',
    '/dev/urandom',
    '/dev/tty',
  ])
  expect(bound[6]).toEqual({ kind: 'bind', source: '/dev/fuse', path: '/dev/fuse' })
  expect(bound[7]).toEqual({ kind: 'node', path: '/run/pipe', mode: 0o010600, device: 0, owner: undefined })
  const made = planDevices([{ type: 'b', path: '/dev/null', major: 8, minor: 1, fileMode: 0o640, gid: 6 }], true)
  expect(made.length).toBe(6)
  expect(made.at(-1)).toEqual({
    kind: 'node',
    path: '/dev/null',
    mode: 0o060640,
    device: 0x801,
    owner: { uid: 0, gid: 6 },
  })
  expect(encodeDevice(259, 0x12345)).toBe(0x12310345)
  expect(() => planDevices([{ type: 'c', path: '/dev/x' }], true)).toThrow('needs a major and a minor number')
})

test('planMasks() hides before it freezes, each path once', () => {
  expect(
    planMasks({ maskedPaths: ['/proc/keys', '/proc//keys/', '/proc/a'], readonlyPaths: ['/proc/a', '/proc/sys'] }),
  ).toEqual([
    { kind: 'hide', path: '/proc/keys' },
    { kind: 'hide', path: '/proc/a' },
    { kind: 'freeze', path: '/proc/sys' },
  ])
  expect(() => planMasks({ maskedPaths: ['proc'] })).toThrow('linux.maskedPaths holds "proc"')
  expect(() => planMasks({ readonlyPaths: ['/..'] })).toThrow('below the root')
})
