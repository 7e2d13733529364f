import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddHost } from '#container/options/add-host.ts'
import { parseDetachKeys } from '#container/options/detach-keys.ts'
import { parseDeviceOption } from '#container/options/device.ts'
import { parseKeyValue, readEnvFile, readLabelFile } from '#container/options/key-value.ts'
import { parseNamespaceMode, parseNetworkOption, parseUsernsMode } from '#container/options/namespaces.ts'
import { parseByteSize } from '#container/options/size.ts'
import { parseUlimit } from '#container/options/ulimit.ts'

test.each([
  ['0', 0],
  ['4096', 4096],
  ['64m', 64 * 1024 ** 2],
  ['1.5G', 1.5 * 1024 ** 3],
  ['512KiB', 512 * 1024],
  ['1 gb', 1024 ** 3],
  ['10b', 10],
])('parseByteSize() reads %s', (text, bytes) => expect(parseByteSize('--shm-size', text)).toBe(bytes))

test.each(['', 'm', '-1', '1x', '1e3', '0x10', '99999p', '1.m'])('parseByteSize() refuses "%s"', text => {
  expect(() => parseByteSize('--shm-size', text)).toThrow(`parsing --shm-size "${text}"`)
})

describe('parseNamespaceMode()', () => {
  test('knows each kind', () => {
    expect(parseNamespaceMode('--pid', 'private')).toEqual({ kind: 'private' })
    expect(parseNamespaceMode('--pid', 'host')).toEqual({ kind: 'host' })
    expect(parseNamespaceMode('--ipc', 'shareable')).toEqual({ kind: 'private' })
    expect(parseNamespaceMode('--pid', 'container:web')).toEqual({ kind: 'container', container: 'web' })
    expect(parseNamespaceMode('--uts', 'ns:/proc/1/ns/uts')).toEqual({ kind: 'path', path: '/proc/1/ns/uts' })
  })
  test.each(['shareable', 'none', 'container:', 'ns:rel', 'Host'])('--pid %s is refused', text => {
    expect(() => parseNamespaceMode('--pid', text)).toThrow(`parsing --pid "${text}"`)
  })
})

describe('parseUsernsMode()', () => {
  test('knows each kind', () => {
    expect(parseUsernsMode('')).toEqual({ kind: 'default' })
    expect(parseUsernsMode('keep-id')).toEqual({ kind: 'keep-id' })
    expect(parseUsernsMode('keep-id:uid=5,gid=6,size=7')).toEqual({ kind: 'keep-id', uid: 5, gid: 6, size: 7 })
    expect(parseUsernsMode('auto:size=4096')).toEqual({ kind: 'auto', size: 4096 })
    expect(parseUsernsMode('nomap')).toEqual({ kind: 'nomap' })
    expect(parseUsernsMode('container:x')).toEqual({ kind: 'container', container: 'x' })
  })
  test.each([
    'keepid',
    'keep-id:pid=1',
    'keep-id:uid=x',
    'auto:size=0',
    'auto:size=99999999999',
    'auto:uidmapping=0:1:1',
  ])('%s is refused', text => expect(() => parseUsernsMode(text)).toThrow(`parsing --userns "${text}"`))
})

describe('parseNetworkOption()', () => {
  test('knows each kind', () => {
    expect(parseNetworkOption([])).toEqual({ kind: 'default' })
    expect(parseNetworkOption(['none'])).toEqual({ kind: 'none' })
    expect(parseNetworkOption(['slirp4netns:mtu=1500,enable_ipv6=true'])).toEqual({
      kind: 'slirp4netns',
      options: ['mtu=1500', 'enable_ipv6=true'],
    })
    expect(parseNetworkOption(['container:web'])).toEqual({ kind: 'container', container: 'web' })
    expect(parseNetworkOption(['ns:/run/netns/x'])).toEqual({ kind: 'path', path: '/run/netns/x' })
  })
  test('user-defined networks, with their options', () => {
    expect(parseNetworkOption(['bridge'])).toEqual({ kind: 'networks', networks: [{ name: 'bridge', aliases: [] }] })
    expect(parseNetworkOption(['a', 'b:alias=x,alias=y,ip=10.89.1.7,mac=02-42-AC-11-00-02'])).toEqual({
      kind: 'networks',
      networks: [
        { name: 'a', aliases: [] },
        { name: 'b', aliases: ['x', 'y'], ip: '10.89.1.7', mac: '02:42:ac:11:00:02' },
      ],
    })
    expect(parseNetworkOption(['a,b'])).toMatchObject({ networks: [{ name: 'a' }, { name: 'b' }] })
  })
  test('--ip and its kin are for the only network, --network-alias is for each', () => {
    expect(parseNetworkOption(['a', 'b'], { aliases: ['x'] })).toMatchObject({
      networks: [{ aliases: ['x'] }, { aliases: ['x'] }],
    })
    expect(parseNetworkOption(['a'], { ip6: 'FD00:0::7' })).toMatchObject({ networks: [{ ip6: 'fd00::7' }] })
    expect(() => parseNetworkOption(['a', 'b'], { ip: '10.0.0.1' })).toThrow('are for a single network')
    expect(() => parseNetworkOption([], { ip: '10.0.0.1' })).toThrow('--ip needs a user-defined network')
  })
  test.each([
    [['none', 'a'], 'cannot set multiple networks without bridge network mode'],
    [['a', 'a'], 'is given twice'],
    [['a:ip=10.0.0.256'], '"10.0.0.256" is no IPv4 address'],
    [['a:mac=01:00:5e:00:00:01'], 'is no address of a network card'],
    [['a:speed=9'], 'unknown option "speed"'],
    [['a/b'], 'is no name of a network'],
  ])('%p is refused: %s', (texts, why) => {
    expect(() => parseNetworkOption(texts)).toThrow(why)
  })
})

describe('parseUlimit()', () => {
  test('reads one or two numbers', () => {
    expect(parseUlimit('nofile=10:20')).toEqual({ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 })
    expect(parseUlimit('core=-1')).toEqual({ type: 'RLIMIT_CORE', soft: 2 ** 64, hard: 2 ** 64 })
    expect(parseUlimit('nproc=5:-1')).toEqual({ type: 'RLIMIT_NPROC', soft: 5, hard: 2 ** 64 })
    expect(parseUlimit('host')).toBe('host')
  })
  test.each(['nofile', 'nofile=', 'nofile=a', 'files=1', 'nofile=5:4', 'nofile=-1:5', 'nofile=-2'])(
    '%s is refused',
    text => {
      expect(() => parseUlimit(text)).toThrow(`parsing --ulimit "${text}"`)
    },
  )
})

describe('parseDeviceOption()', () => {
  test('reads paths and permissions', () => {
    expect(parseDeviceOption('/dev/a')).toEqual({ source: '/dev/a', destination: '/dev/a', permissions: 'rwm' })
    expect(parseDeviceOption('/dev/a:r')).toEqual({ source: '/dev/a', destination: '/dev/a', permissions: 'r' })
    expect(parseDeviceOption('/dev/a:/dev/b:rw')).toEqual({
      source: '/dev/a',
      destination: '/dev/b',
      permissions: 'rw',
    })
  })
  test.each(['a', '/dev/a:b:rw', '/dev/a:/dev/b:x', '/dev/a:rr', '/dev/a:/b:rw:c', '/dev/a:', 'vendor.com/gpu=all'])(
    '%s is refused',
    text => expect(() => parseDeviceOption(text)).toThrow(`parsing --device "${text}"`),
  )
})

describe('parseAddHost()', () => {
  test('reads names and addresses', () => {
    expect(parseAddHost('db:10.0.0.1')).toEqual({ names: ['db'], address: '10.0.0.1' })
    expect(parseAddHost('a;b:[2001:db8::1]')).toEqual({ names: ['a', 'b'], address: '2001:db8::1' })
    expect(parseAddHost('x:::1')).toEqual({ names: ['x'], address: '::1' })
    expect(parseAddHost('h:host-gateway')).toEqual({ names: ['h'], address: 'host-gateway' })
  })
  test.each([
    'db',
    ':1.2.3.4',
    'db:',
    'db:1.2.3',
    'db:1.2.3.256',
    'db:1.2.3.4.',
    'a b:1.2.3.4',
    'db:gateway',
    'db:1::2::3',
    'db:fe80',
  ])('%s is refused', text => expect(() => parseAddHost(text)).toThrow(`parsing --add-host "${text}"`))
})

test('parseDetachKeys() gives the bytes a terminal sends', () => {
  expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17])
  expect([...parseDetachKeys('a,ctrl-@,ctrl-],ctrl-^,ctrl-_')]).toEqual([97, 0, 29, 30, 31])
  expect(parseDetachKeys('').length).toBe(0)
  for (const text of ['ctrl-', 'ctrl-1', 'ab', 'ctrl-p,'])
    expect(() => parseDetachKeys(text)).toThrow(`parsing --detach-keys "${text}"`)
})

describe('pairs and their files', () => {
  test('parseKeyValue() splits at the first equals sign', () => {
    expect(parseKeyValue('--sysctl', 'a=b=c')).toEqual(['a', 'b=c'])
    expect(parseKeyValue('--label', 'a')).toEqual(['a', ''])
    expect(() => parseKeyValue('--sysctl', 'a')).toThrow('parsing --sysctl "a": must be of the form NAME=VALUE')
    expect(() => parseKeyValue('--label', '=x')).toThrow('the name before "=" is empty')
  })
  test('files skip comments and empty lines, and keep values as they are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'options-'))
    try {
      const path = join(folder, 'file')
      writeFileSync(path, '\uFEFF# comment\n\n  A=1 # kept\r\nB\nC="x=y"\nD*\n')
      expect(readEnvFile(path)).toEqual(['A=1 # kept', 'B', 'C="x=y"', 'D*'])
      expect(readLabelFile(path)).toEqual({ A: '1 # kept', B: '', C: '"x=y"', 'D*': '' })
      writeFileSync(path, 'A B=1\n')
      expect(() => readEnvFile(path)).toThrow('"A B" is no variable name')
      expect(() => readEnvFile(join(folder, 'none'))).toThrow(`reading --env-file "${join(folder, 'none')}"`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
