// Files of an image with all that belongs to them, from us through a registry to podman and back, and from buildah's tools to us.
import { expect } from 'bun:test'
import { join } from 'node:path'
import { podmanBeside } from './podman-beside.ts'
import { tspodOnly, useSandbox } from './sandbox.ts'

const box = useSandbox('debian')
const { ok } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
const calls = process.arch === 'x64' ? { set: 188, get: 191 } : { set: 5, get: 8 }

/** Owners, modes, times to the nanosecond, hard links, attributes, capabilities (VFS_CAP_REVISION_2: cap_net_raw=ep). */
const make = `mkdir -p /made/folder && cd /made && echo text > file && ln file hard && ln -s file soft && mkfifo pipe
chown 12:34 file && chmod 4711 file && chown 5:6 folder && chmod 1770 folder && touch -d @1000000000.123456789 folder pipe
cp /bin/true capable && truncate -s 1M hole
perl -e 'sub set { my ($file, $name, $value) = @_; syscall(${calls.set}, $file, $name, $value, length $value, 0) and die $! }
set("file", "user.note", "hello\\0there"); set("folder", "user.other", "x");
set("capable", "security.capability", pack("V5", 0x02000001, 1 << 13, 0, 0, 0))'`
const look = `cd /made && stat -c '%n %F %u:%g %a %h %s %y' * && sha256sum file capable hole && readlink soft
perl -e 'for (["file", "user.note"], ["folder", "user.other"], ["capable", "security.capability"]) {
my ($file, $name, $b) = (@$_, "\\0" x 64); my $n = syscall(${calls.get}, $file, $name, $b, 64); print "@$_ $n ", unpack("H*", substr($b, 0, $n)), "\\n" }'`

tspodOnly('podman')('owners, modes, links, attributes and capabilities go to podman and come back', async () => {
  const name = `${registry}/round-trip-${process.pid}:1`
  await ok('run', '--name', 'made', '--network', 'none', 'debian', 'sh', '-c', make)
  await ok('commit', '-q', 'made', name)
  const asked = ['run', '--rm', '--network', 'none', name, 'sh', '-c', look]
  const expected = await ok(...asked)
  expect(expected).toContain('file user.note 11 68656c6c6f007468657265')
  expect(expected).toContain('capable security.capability 20 0100000200200000')
  expect(expected).toMatch(/^file regular file 12:34 4711 2 5 /m)
  await ok('push', '-q', name)
  using podman = podmanBeside(box)
  podman.run('pull', '-q', '--tls-verify=false', name)
  expect(podman.run(...asked)).toBe(expected)
  // what podman commits of it, and pushes, is the same to us
  const back = `${registry}/round-trip-${process.pid}:back`
  podman.run('run', '--name', 'again', '--network', 'none', name, 'touch', '/made-again')
  podman.run('commit', '-q', 'again', back)
  podman.run('push', '-q', '--tls-verify=false', back)
  await ok('rmi', '-f', name)
  expect(await ok(...asked.map(word => (word === name ? back : word)))).toBe(expected)
})

tspodOnly()('an archive that is saved and loaded is the same, and so are its files', async () => {
  const archive = join(box.home, 'made.tar')
  await ok('run', '--name', 'saved', '--network', 'none', 'debian', 'sh', '-c', make)
  const id = await ok('commit', '-q', 'saved', 'localhost/saved:1')
  const asked = ['run', '--rm', '--network', 'none', 'localhost/saved:1', 'sh', '-c', look]
  const expected = await ok(...asked)
  for (const format of ['docker-archive', 'oci-archive']) {
    await ok('save', '-q', '--format', format, '-o', archive, 'localhost/saved:1')
    await ok('rmi', '-f', id)
    await ok('load', '-q', '-i', archive)
    expect(await ok(...asked)).toBe(expected)
  }
})
