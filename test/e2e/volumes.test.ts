// Bind mounts, named volumes, tmpfs: what a container sees of the host and what outlives it.
import { describe, expect } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, read, tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const sh = (options: string[], script: string) => ok('run', '--rm', ...options, 'alpine', 'sh', '-c', script)

tspodOnly()('volume prune sweeps what a killed command was making', async () => {
  const unfinished = join(box.graphRoot, 'volumes/.new-0123456789ab/_data')
  mkdirSync(unfinished, { recursive: true })
  await ok('volume', 'prune', '--force')
  expect(existsSync(unfinished)).toBe(false)
})

describe('a bind mount', () => {
  e2e()('-v brings a folder, read and write', async () => {
    const folder = box.folder('shared')
    write(folder, 'in', 'host\n')
    expect(await sh(['-v', `${folder}:/shared`], 'cat /shared/in; echo container > /shared/out')).toBe('host')
    expect(read(join(folder, 'out'))).toBe('container\n')
  })

  e2e()(':ro, --mount type=bind,readonly refuse writes', async () => {
    const folder = box.folder('readonly')
    const refused = 'touch /m/x 2>/dev/null && echo written || echo refused'
    expect(await sh(['-v', `${folder}:/m:ro`], refused)).toBe('refused')
    expect(await sh(['--mount', `type=bind,source=${folder},destination=/m,readonly`], refused)).toBe('refused')
    expect(await sh(['--mount', `type=bind,src=${folder},dst=/m`], refused)).toBe('written')
  })

  e2e()('of one file', async () => {
    const file = write(box.home, 'one-file', 'just this\n')
    expect(await sh(['-v', `${file}:/etc/one:ro`], 'cat /etc/one')).toBe('just this')
  })

  e2e()('of a relative source is relative to the working folder', async () => {
    write(box.folder('relative'), 'f', 'here\n')
    const result = await tspodWith({ cwd: box.home }, 'run', '--rm', '-v', './relative:/r', 'alpine', 'cat', '/r/f')
    expect(result).toMatchObject({ status: 0, stdout: 'here\n' })
  })

  e2e()('of a source that is not there is refused, and named', async () => {
    for (const option of [
      ['-v', `${box.home}/missing:/m`],
      ['--mount', `type=bind,src=${box.home}/missing,dst=/m`],
    ]) {
      const { status, stderr } = await tspod('run', '--rm', ...option, 'alpine', 'true')
      expect({ option, status }).toEqual({ option, status: 125 })
      expect(stderr).toContain(`${box.home}/missing`)
    }
    expect(existsSync(join(box.home, 'missing'))).toBe(false)
  })

  e2e()('makes its mount point in the image', async () => {
    const folder = box.folder('deep')
    expect(await sh(['-v', `${folder}:/new/deep/point`], 'test -d /new/deep/point && echo made')).toBe('made')
  })

  e2e()('of a symlink brings what it points to', async () => {
    const folder = box.folder('real')
    write(folder, 'f', 'through\n')
    symlinkSync(folder, join(box.home, 'link'))
    expect(await sh(['-v', `${box.home}/link:/l`], 'cat /l/f')).toBe('through')
  })

  e2e()(':U gives the files to the user of the container', async () => {
    const folder = box.folder('owned')
    write(folder, 'f', '')
    expect(await sh(['-u', 'app', '-v', `${folder}:/o:U`], 'stat -c %u /o/f; touch /o/g && echo ok')).toBe('1000\nok')
    await sh(['-v', `${folder}:/o:U`], 'true')
  })

  e2e()('keeps nosuid, nodev and friends', async () => {
    const folder = box.folder('flags')
    expect(await sh(['-v', `${folder}:/f:noexec`], 'grep " /f " /proc/mounts')).toMatch(/nosuid.*nodev.*noexec|noexec/)
  })

  e2e()('inside another is mounted in order', async () => {
    const [outer, inner] = [box.folder('outer'), box.folder('inner')]
    mkdirSync(join(outer, 'sub'))
    write(inner, 'f', 'inner\n')
    expect(await sh(['-v', `${inner}:/o/sub`, '-v', `${outer}:/o`], 'cat /o/sub/f')).toBe('inner')
  })
})

describe('a named volume', () => {
  e2e()('is made, listed, inspected, removed', async () => {
    expect(await ok('volume', 'create', '--label', 'kind=test', 'data')).toBe('data')
    expect(await ok('volume', 'ls', '-q')).toBe('data')
    expect(await ok('volume', 'inspect', '-f', '{{.Name}} {{.Driver}} {{.Labels.kind}}', 'data')).toBe(
      'data local test',
    )
    expect((await tspod('volume', 'create', 'data')).status).toBe(125)
    await ok('volume', 'rm', 'data')
    expect((await tspod('volume', 'inspect', 'data')).status).toBe(125)
  })

  e2e()('outlives its containers', async () => {
    await sh(['-v', 'kept:/data'], 'echo one > /data/f')
    expect(await sh(['-v', 'kept:/data:ro'], 'cat /data/f')).toBe('one')
    await ok('volume', 'rm', 'kept')
  })

  e2e()('is filled from the image at first use, with owners and modes', async () => {
    expect(await sh(['-v', 'home:/home'], 'stat -c "%a %u" /home/app; ls /home')).toBe('755 0\napp')
    expect(await sh(['-v', 'copied:/etc'], 'cat /etc/alpine-release')).toBe('3.20.0')
    await sh(['-v', 'copied:/etc'], 'rm /etc/alpine-release')
    expect(await sh(['-v', 'copied:/etc'], 'ls /etc/alpine-release 2>/dev/null || echo gone')).toBe('gone')
    expect(await sh(['-v', 'bare:/etc:nocopy'], 'ls /etc/os-release 2>/dev/null || echo empty')).toBe('empty')
    await ok('volume', 'rm', 'home', 'copied', 'bare')
  })

  e2e()('in use is not removed without force', async () => {
    await ok('run', '-d', '--name', 'user', '-v', 'used:/d', 'alpine', 'sleep', '1000')
    const { status, stderr } = await tspod('volume', 'rm', 'used')
    expect(status).toBe(2)
    expect(stderr).toMatch(/used by|being used/)
    await ok('rm', '-ft0', 'user')
    await ok('volume', 'rm', 'used')
  })

  e2e()('--volumes-from brings the volumes of another', async () => {
    await ok('create', '--name', 'giver', '-v', 'given:/given', 'alpine')
    await sh(['--volumes-from', 'giver'], 'echo x > /given/f')
    expect(await sh(['--volumes-from', 'giver:ro'], 'cat /given/f; touch /given/g 2>/dev/null || echo refused')).toBe(
      'x\nrefused',
    )
    await ok('rm', 'giver')
    await ok('volume', 'rm', 'given')
  })

  e2e()('without a name goes with its container', async () => {
    await sh(['-v', '/anonymous'], 'touch /anonymous/f')
    expect(await ok('volume', 'ls', '-q')).toBe('')
    await ok('create', '--name', 'holder', '-v', '/anonymous', 'alpine')
    expect(await ok('volume', 'ls', '-q')).toMatch(/^[0-9a-f]{64}$/)
    await ok('rm', '-v', 'holder')
    expect(await ok('volume', 'ls', '-q')).toBe('')
  })

  e2e()('prune removes those nobody uses', async () => {
    await ok('volume', 'create', 'unused')
    await ok('create', '--name', 'holder', '-v', 'needed:/n', 'alpine')
    expect(await ok('volume', 'prune', '-f')).toContain('unused')
    expect(await ok('volume', 'ls', '-q')).toBe('needed')
    await ok('rm', 'holder')
    await ok('volume', 'rm', 'needed')
  })

  tspodOnly()('of an impossible name or driver is refused by name', async () => {
    const bad = await tspod('volume', 'create', '../escape')
    expect(bad.status).toBe(125)
    expect(bad.stderr).toContain('../escape')
    expect((await tspod('volume', 'create', '--driver', 'nfs-plugin', 'x')).stderr).toContain('nfs-plugin')
    expect(readdirSync(box.home)).not.toContain('escape')
  })
})

describe('cp', () => {
  e2e()('copies folders both ways with their modes', async () => {
    const source = box.folder('tree/sub')
    write(source, 'f', 'deep\n')
    await Bun.$`chmod 640 ${join(source, 'f')}`
    await ok('create', '--name', 'c', 'alpine', 'sleep', '1000')
    await ok('cp', join(box.home, 'tree'), 'c:/tmp')
    await ok('start', 'c')
    expect(await ok('exec', 'c', 'sh', '-c', 'cat /tmp/tree/sub/f; stat -c %a /tmp/tree/sub/f')).toBe('deep\n640')
    await ok('cp', 'c:/tmp/tree/.', box.folder('back'))
    expect(read(join(box.home, 'back/sub/f'))).toBe('deep\n')
  })

  e2e()('reads and writes tar streams with -', async () => {
    await ok('run', '-d', '--name', 'c', 'alpine', 'sleep', '1000')
    const tar = await Bun.$`tar -C ${box.folder('tree/sub')} -c .`.arrayBuffer()
    expect((await tspodWith({ stdin: new Uint8Array(tar) }, 'cp', '-', 'c:/opt')).status).toBe(0)
    expect(await ok('exec', 'c', 'cat', '/opt/f')).toBe('deep')
    const out = box.start('cp', 'c:/opt/f', '-')
    expect(await Bun.spawn(['tar', '-t'], { stdin: out.stdout }).stdout.text()).toBe('f\n')
  })

  e2e()('follows no symlink of the container out to the host', async () => {
    const secret = write(box.home, 'secret', 'secret\n')
    await ok(
      'run',
      '-d',
      '--name',
      'c',
      'alpine',
      'sh',
      '-c',
      `ln -s ${secret} /tmp/link; ln -s / /tmp/up; ln -s ../../../../../../../../ /tmp/dots; sleep 1000`,
    )
    await tspod('cp', 'c:/tmp/link', join(box.home, 'stolen'))
    expect(existsSync(join(box.home, 'stolen')) && read(join(box.home, 'stolen')) === 'secret\n').toBe(false)
    const mine = write(box.home, 'mine', 'mine\n')
    await tspod('cp', mine, `c:/tmp/dots${box.home}/planted`)
    expect(existsSync(join(box.home, 'planted'))).toBe(false)
  })

  e2e()('says what is missing', async () => {
    await ok('create', '--name', 'c', 'alpine')
    const { status, stderr } = await tspod('cp', 'c:/no/such/file', box.home)
    expect(status).toBe(125)
    expect(stderr).toContain('/no/such/file')
    expect((await tspod('cp', 'nobody:/etc', box.home)).stderr).toContain('nobody')
  })
})

describe('export', () => {
  e2e()('writes the whole root file system as a tar, changes included', async () => {
    await ok('run', '--name', 'e', 'alpine', 'sh', '-c', 'echo new > /new; rm /etc/profile')
    const file = join(box.home, 'e.tar')
    await ok('export', '-o', file, 'e')
    const names = (await Bun.$`tar -tf ${file}`.text()).split('\n').map(name => name.replace(/^\.\//, ''))
    expect(names).toEqual(expect.arrayContaining(['new', 'bin/busybox', 'etc/passwd']))
    expect(names).not.toContain('etc/profile')
    expect(names).not.toContain('proc/1/')
  })
})
