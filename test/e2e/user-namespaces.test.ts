// --userns and --uidmap: who is who in the container and outside, with every way of giving an image's files other owners.
import { beforeAll, describe, expect } from 'bun:test'
import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Need } from '#test/needs.ts'
import { e2e, read, tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const own = process.getuid?.() ?? -1
const ownGroup = process.getgid?.() ?? -1

// what a login node's home is like: nobody but its owner may even walk through it
beforeAll(() => chmodSync(box.home, 0o700))

/** Runs a script in a new container without a network. */
const sh = (options: string[], script: string) =>
  ok('run', '--rm', '--network', 'none', ...options, 'alpine', 'sh', '-c', script)
const owners = (path: string) => `stat -c %u:%g ${path} | tr '\\n' ' '`
const uidMap = "awk '{ print $1, $2, $3 }' /proc/self/uid_map"

/** `[inside, outside, count]` for each line that `uidMap` printed. */
const extents = (text: string) => text.split('\n').map(line => line.split(' ').map(Number))

describe('--userns keep-id', () => {
  e2e()('shows the caller with id and name, and gives him what he writes to a bind mount', async () => {
    const folder = box.folder('kept')
    const text = await sh(
      ['--userns', 'keep-id', '-v', `${folder}:/w`],
      `echo $(id -u) $(id -g) $(id -un); touch /w/file; ${owners('/w /etc/passwd /home/app')}`,
    )
    const [ids, found] = text.split('\n')
    expect(ids).toStartWith(`${own} ${ownGroup} `)
    expect(ids).not.toEndWith(` ${own}`)
    expect(found?.trim()).toBe(`${own}:${ownGroup} 0:0 0:0`)
    expect(statSync(join(folder, 'file'))).toMatchObject({ uid: own, gid: ownGroup })
  })

  e2e()('takes another id for the caller: uid=, gid=', async () => {
    const folder = box.folder('renamed')
    const option = ['--userns', 'keep-id:uid=405,gid=100', '-v', `${folder}:/w`]
    expect(await sh(option, 'id -u; id -g; touch /w/f; stat -c %u /w/f')).toBe('405\n100\n405')
    expect(statSync(join(folder, 'f')).uid).toBe(own)
  })

  e2e()('--user root is root, and somebody else outside', async () => {
    const folder = box.folder('rooted')
    chmodSync(folder, 0o777)
    const option = ['--userns', 'keep-id', '--user', 'root', '-v', `${folder}:/w`]
    expect(await sh(option, 'id -u; touch /w/f; stat -c %u /w/f; echo x >> /etc/passwd && echo can')).toBe('0\n0\ncan')
    expect(statSync(join(folder, 'f')).uid).not.toBe(own)
  })
})

describe('--userns auto, nomap', () => {
  e2e()('leave the caller out: his files belong to nobody there', async () => {
    const folder = box.folder('stranger')
    write(folder, 'f', '')
    for (const mode of ['auto', 'nomap'])
      expect(await sh(['--userns', mode, '-v', `${folder}:/w:ro`], `id -u; ${owners('/w /w/f /etc/passwd')}`)).toBe(
        '0\n65534:65534 65534:65534 0:0 ',
      )
  })

  e2e()('auto is as large as the image needs, or as asked', async () => {
    expect(extents(await sh(['--userns', 'auto'], uidMap)).map(([inside, , count]) => [inside, count])).toEqual([
      [0, 1024],
    ])
    expect(extents(await sh(['--userns', 'auto:size=100'], uidMap)).map(([, , count]) => count)).toEqual([100])
  })

  tspodOnly()('auto counts --user in', async () => {
    const [, , count = 0] = extents(await sh(['--userns', 'auto', '--user', '5000'], uidMap))[0] ?? []
    expect(count).toBe(5001)
  })

  tspodOnly()('auto containers made at the same time never share an id, stopped ones keep theirs', async () => {
    const made = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        ok(
          'create',
          '--name',
          `own${index}`,
          '--network',
          'none',
          '--userns',
          'auto',
          'alpine',
          'cat',
          '/proc/self/uid_map',
        ),
      ),
    )
    expect(new Set(made).size).toBe(4)
    const maps = []
    for (const name of ['own0', 'own1', 'own2', 'own3', 'own0']) maps.push(await ok('start', '-a', name))
    expect(maps[4]).toBe(maps[0] ?? '')
    const starts = maps.slice(0, 4).map(line => Number(line.trim().split(/\s+/)[1]))
    const sorted = starts.toSorted((a, b) => a - b)
    for (const [index, start] of sorted.entries())
      if (index > 0) expect(start - (sorted[index - 1] ?? 0)).toBeGreaterThanOrEqual(1024)
    await ok('rm', 'own1')
    expect(extents(await sh(['--userns', 'auto'], uidMap))[0]?.[1]).toBe(starts[1]) // what a removed one had is free
  })

  tspodOnly()('auto says how many ids there are where it wants more', async () => {
    const { status, stderr } = await tspod('run', '--rm', '--userns', 'auto:size=1000000', 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toMatch(/1000000 ids are wanted, \d+ of \d+ are free/)
  })
})

describe('--uidmap', () => {
  e2e()('maps as it says, the image included', async () => {
    const option = ['--uidmap', '0:100:2000', '--gidmap', '0:100:2000', '--user', 'app']
    expect(await sh(option, `id -u; ${uidMap}; ${owners('/etc/passwd')}; touch /tmp/f; ${owners('/tmp/f')}`)).toBe(
      '1000\n0 100 2000\n0:0 1000:1000 ',
    )
  })
})

const drivers: { name: string; options: string[]; need: Need[] }[] = [
  { name: 'overlay on copies of layers', options: ['--storage-driver', 'overlay'], need: ['overlay'] },
  { name: 'fuse-overlayfs', options: ['--storage-driver', 'fuse-overlayfs'], need: ['fuse'] },
  { name: 'plain copies', options: ['--storage-driver', 'copy'], need: [] },
]

for (const { name, options, need } of drivers) {
  describe(`an image under another mapping, by ${name}`, () => {
    const engine = (...args: string[]) => ok(...options, ...args)
    const run = (userns: string, script: string) =>
      engine('run', '--rm', '--network', 'none', '--userns', userns, 'alpine', 'sh', '-c', script)

    tspodOnly(...need)(
      'every file belongs to whom the image says, old and new ones, and in another start',
      async () => {
        await engine(
          'create',
          '--name',
          'again',
          '--network',
          'none',
          '--userns',
          'auto',
          '--user',
          '0',
          'alpine',
          'sh',
          '-c',
          `touch /root/x; chown app:app /root/x; ${owners('/etc/passwd /home/app /root/x /etc/hosts')}; ls /root`,
        )
        expect(await engine('start', '-a', 'again')).toBe('0:0 0:0 1000:1000 0:0 x')
        expect(await engine('start', '-a', 'again')).toBe('0:0 0:0 1000:1000 0:0 x')
      },
    )

    tspodOnly(...need)('exec, cp and export name owners as the container does', async () => {
      await engine('run', '-d', '--name', 'inside', '--network', 'none', '--userns', 'auto', 'alpine', 'sleep', '1000')
      expect(await engine('exec', '--user', 'app', 'inside', 'id', '-u')).toBe('1000')
      await engine('exec', 'inside', 'sh', '-c', 'touch /root/a; chown app:app /root/a')
      const file = write(box.home, 'copied', 'text')
      await engine('cp', file, 'inside:/root/b')
      expect((await engine('exec', 'inside', 'sh', '-c', owners('/root/a /root/b'))).trim()).toBe('1000:1000 0:0')
      const listing = Bun.spawnSync({
        cmd: ['tar', 'tv', '--numeric-owner'],
        stdin: Buffer.from(await engine('cp', 'inside:/root/a', '-'), 'latin1'),
      }).stdout.toString()
      expect(listing).toContain(' 1000/1000 ')
      await engine('stop', '-t', '0', 'inside')
      const tar = join(box.home, 'exported.tar')
      await engine('export', '-o', tar, 'inside')
      const exported = Bun.spawnSync({ cmd: ['tar', 'tvf', tar, '--numeric-owner'] }).stdout.toString()
      expect(exported).toMatch(/ 1000\/1000 .* root\/a\n/)
      expect(exported).toMatch(/ 0\/0 .* root\/b\n/)
    })

    tspodOnly(...need)("new volumes and a tmpfs belong to the container's user", async () => {
      const text = await engine(
        'run',
        '--rm',
        '--network',
        'none',
        '--userns',
        'auto',
        '--user',
        'app',
        '--tmpfs',
        '/etc',
        '-v',
        '/fresh',
        '-v',
        '/home/app',
        'alpine',
        'sh',
        '-c',
        `${owners('/fresh /home/app /etc/passwd')}; touch /fresh/f && echo wrote`,
      )
      expect(text).toBe('1000:1000 0:0 0:0 wrote')
    })

    tspodOnly(...need)('keep-id, nomap', async () => {
      expect(await run('keep-id', `id -u; ${owners('/ /etc/passwd')}`)).toBe(`${own}\n0:0 0:0 `)
      expect(await run('nomap', `id -u; ${owners('/ /etc/passwd')}`)).toBe('0\n0:0 0:0 ')
    })
  })
}

tspodOnly('overlay')('copies of layers are made once for a mapping, said, and go with the image', async () => {
  const engine = (...args: string[]) => tspod('--storage-driver', 'overlay', ...args)
  const run = ['run', '--rm', '--network', 'none', '--uidmap', '0:7:3000', '--gidmap', '0:7:3000', 'alpine', 'true']
  expect((await engine(...run)).stderr).toContain('copying 1 layer (')
  expect(await engine(...run)).toMatchObject({ status: 0, stderr: '' })
  const mapped = join(box.graphRoot, 'layers-mapped')
  const copies = () =>
    readdirSync(mapped).flatMap(key => readdirSync(join(mapped, key)).filter(name => /^[0-9a-f]{64}$/.test(name)))
  expect(copies().length).toBeGreaterThan(0)
  expect(read(join(mapped, readdirSync(mapped)[0] ?? '', 'ids'))).toMatch(/^uid 0:/)
  await ok('tag', 'alpine', 'keeper')
  await ok('rmi', 'alpine')
  expect(copies().length).toBeGreaterThan(0)
  await ok('rmi', 'keeper')
  expect(copies()).toEqual([])
  await ok('pull', '-q', 'alpine')
})

tspodOnly()("who shares another container's namespace sees its ids, and the image's owners with them", async () => {
  await ok('run', '-d', '--name', 'owner', '--network', 'none', '--userns', 'auto', 'alpine', 'sleep', '1000')
  const map = await ok('exec', 'owner', 'cat', '/proc/self/uid_map')
  const text = await ok(
    'run',
    '--rm',
    '--network',
    'container:owner',
    'alpine',
    'sh',
    '-c',
    `cat /proc/self/uid_map; ${owners('/etc/passwd /home/app')}`,
  )
  expect(text).toBe(`${map}\n0:0 0:0 `)
})

tspodOnly('slirp4netns', 'tun')('a network and a terminal work where the caller has no id', async () => {
  const text = await ok(
    'run',
    '--rm',
    '-t',
    '--userns',
    'auto',
    'alpine',
    'sh',
    '-c',
    'ip addr | grep -c 10.0.2.100; tty',
  )
  expect(text.replaceAll('\r', '')).toBe('1\n/dev/pts/0')
})

for (const mode of ['keep-id', 'auto', 'nomap'])
  tspodOnly('fuse')(`--explain --userns ${mode} prints what makes the same container`, async () => {
    const folder = box.folder(`explained-${mode}`)
    write(folder, 'file', 'content')
    const script = `cat file; ${uidMap}; ${owners('/ /etc /etc/hosts /home/app /w')}`
    const run = [
      '--rm',
      '--network',
      'none',
      '-w',
      '/w',
      '-v',
      `${folder}:/w`,
      '--userns',
      mode,
      'alpine',
      'sh',
      '-c',
      script,
    ]
    const plan = await ok('run', '--explain', ...run)
    expect(await ok('ps', '-aq')).toBe('')
    const typed = Bun.spawn(['bash'], {
      stdin: new Blob([plan]),
      stdout: 'pipe',
      stderr: 'pipe',
      env: box.env,
      cwd: '/',
    })
    const text = await typed.stdout.text()
    expect(text.trim()).toBe((await ok('run', ...run)).trim())
    const made = /^export C=(.*)/m.exec(plan)?.[1] ?? ''
    await ok('unshare', 'rm', '-rf', made)
  })
