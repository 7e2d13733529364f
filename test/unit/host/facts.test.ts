import { describe, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { decideCgroupLayout, parseOwnGroup } from '#host/cgroup.ts'
import { canWriteInto, filesystemKind, isNetworkKind, mayBeShared, mountOf, parseMountInfo } from '#host/filesystem.ts'
import { parseFileCapabilities, versionNumber } from '#host/helper-programs.ts'
import { kernelHas, parseKernelRelease } from '#host/kernel.ts'
import { type UserNamespaceFacts, userNamespaceObstacle } from '#host/user-namespaces.ts'

describe('parseKernelRelease() and kernelHas()', () => {
  test.each([
    ['5.10.0-28-amd64', false],
    ['5.11', true],
    ['5.9.99', false],
    ['6.0.0-rc1', true],
    ['4.18.0-553.el8_10.x86_64', false],
    ['10.0.1', true],
    ['odd', false],
  ])('%s has overlay in user namespaces: %p', (text, has) => {
    expect(kernelHas('overlayInUserNamespace', parseKernelRelease(text))).toBe(has)
  })
})

describe('parseMountInfo()', () => {
  const text = [
    '22 27 0:21 / /proc rw,nosuid,relatime shared:12 master:1 - proc proc rw',
    '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
    '40 27 0:30 /sub /mnt/a\\040b ro,nosuid - nfs4 server:/x\\134y rw,vers=4.2',
    '41 27 0:31 / /mnt rw - tmpfs none rw',
    'garbage',
  ].join('\n')
  const mounts = parseMountInfo(text)

  test('finds the fields after a varying number of optional ones', () => {
    expect(mounts).toHaveLength(4)
    expect(mounts[0]).toEqual({
      root: '/',
      mountPoint: '/proc',
      options: ['rw', 'nosuid', 'relatime'],
      kind: 'proc',
      source: 'proc',
      superOptions: ['rw'],
    })
  })

  test('undoes the escapes of paths', () => {
    expect(mounts[2]?.mountPoint).toBe('/mnt/a b')
    expect(mounts[2]?.source).toBe('server:/x\\y')
  })

  test('mountOf() takes the deepest mount, whole components only, the last of two on one point', () => {
    expect(mountOf('/mnt/a b/c', mounts)?.kind).toBe('nfs4')
    expect(mountOf('/mnt/a bc', mounts)?.kind).toBe('tmpfs')
    expect(mountOf('/mntx', mounts)?.kind).toBe('ext4')
    expect(mountOf('/', mounts)?.kind).toBe('ext4')
    expect(mountOf('/mnt', [...mounts, ...parseMountInfo('50 27 0:31 / /mnt rw - ext4 y rw')])?.source).toBe('y')
  })
})

describe('decideCgroupLayout()', () => {
  const v1 = '31 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory'
  const v2 = '32 30 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate'
  const unified = '33 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw'
  test.each([
    ['v2', v2],
    ['v1', v1],
    ['hybrid', `${v1}\n${unified}`],
    ['none', ''],
  ] as const)('%s', (version, text) => {
    expect(decideCgroupLayout(parseMountInfo(text)).version).toBe(version)
  })

  test('parseOwnGroup() finds the cgroup2 line among v1 lines', () => {
    expect(parseOwnGroup('8:pids:/a\n0::/user.slice/user-1000.slice\n')).toBe('/user.slice/user-1000.slice')
    expect(parseOwnGroup('8:pids:/a\n10::/x\n')).toBeUndefined()
  })
})

test('filesystemKind() knows magic numbers that arrive negative', () => {
  expect(filesystemKind(0xff53_4d42 | 0)).toBe('cifs')
  expect(isNetworkKind(filesystemKind(0x0bd0_0bd0))).toBe(true)
  expect(filesystemKind(0x1234)).toBe('0x1234')
})

test('mayBeShared() mistrusts whatever a program serves', () => {
  expect(['nfs', 'lustre', 'fuse', 'ext4', 'tmpfs'].filter(mayBeShared)).toEqual(['nfs', 'lustre', 'fuse'])
})

test('canWriteInto() looks at what is there of a path', () => {
  expect(canWriteInto('/proc/not/there')).toBe(process.getuid?.() === 0)
  expect(canWriteInto(`${tmpdir()}/not/there`)).toBe(true)
})

describe('parseFileCapabilities()', () => {
  const attribute = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)
  test('finds cap_setuid=ep of both revisions', () => {
    expect(parseFileCapabilities(attribute(0x0200_0001, 1 << 7, 0, 0, 0))).toEqual(['cap_setuid'])
    expect(parseFileCapabilities(attribute(0x0300_0001, 1 << 6, 0, 0, 0, 0))).toEqual(['cap_setgid'])
  })
  test('gives nothing for capabilities that are not effective, for none, and for garbage', () => {
    expect(parseFileCapabilities(attribute(0x0200_0000, 1 << 7, 0, 0, 0))).toEqual([])
    expect(parseFileCapabilities(new Uint8Array())).toEqual([])
    expect(parseFileCapabilities(attribute(0x0900_0001, 1 << 7, 0))).toEqual([])
  })
})

test('versionNumber() reads the line of the program itself, not of its libraries', () => {
  expect(
    versionNumber(
      'fuse-overlayfs',
      'fusermount3 version: 3.14.0\nfuse-overlayfs: version 1.10\nFUSE library version 3.14.0',
    ),
  ).toBe('1.10')
  expect(versionNumber('slirp4netns', 'slirp4netns version 1.2.0\ncommit: 656041d')).toBe('1.2.0')
  expect(versionNumber('pasta', 'pasta 0.0~git20230309.7c7625d-1\nCopyright')).toBe('0.0~git20230309.7c7625d-1')
  expect(versionNumber('pasta', 'pasta unknown version\nversion 3.0')).toBeUndefined()
  expect(versionNumber('slirp4netns', 'slirp4netns version')).toBeUndefined()
})

describe('userNamespaceObstacle()', () => {
  const free: UserNamespaceFacts = {
    isBuiltIn: true,
    kernel: '6.1.0',
    maxUserNamespaces: 100,
    unprivilegedClone: undefined,
    appArmor: { restrictsUserNamespaces: false, profile: undefined },
    isRoot: false,
    executable: '/opt/tspod',
  }
  test('finds none on a usual machine', () => expect(userNamespaceObstacle(free)).toBeUndefined())
  test('names each setting and what mends it', () => {
    expect(userNamespaceObstacle({ ...free, isBuiltIn: false })?.found).toContain('no user namespaces')
    expect(userNamespaceObstacle({ ...free, maxUserNamespaces: 0 })?.mend?.command).toContain(
      'user.max_user_namespaces',
    )
    expect(userNamespaceObstacle({ ...free, unprivilegedClone: 0 })?.found).toContain('unprivileged_userns_clone')
  })
  test('prints a profile for the executable where AppArmor restricts an unconfined process', () => {
    const appArmor = { restrictsUserNamespaces: true, profile: 'unconfined' }
    expect(userNamespaceObstacle({ ...free, appArmor })?.mend?.command).toContain('profile tspod "/opt/tspod"')
  })
  test('is content where a profile lets tspod through, and for root', () => {
    const appArmor = { restrictsUserNamespaces: true, profile: 'tspod (unconfined)' }
    expect(userNamespaceObstacle({ ...free, appArmor })).toBeUndefined()
    expect(userNamespaceObstacle({ ...free, unprivilegedClone: 0, isRoot: true })).toBeUndefined()
  })
})
