// Mounts that are more than a folder put in place: overlays, images, parts of volumes, sources of every kind, and links that lead out.
import { describe, expect } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { e2e, read, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, ok } = box
const own = process.getuid?.() ?? -1
const sh = (options: string[], script: string) =>
  ok('run', '--rm', '--network', 'none', ...options, 'alpine', 'sh', '-c', script)

/** A folder with a file, a folder and a link that leads out of it. */
function sourceFolder(name: string): string {
  const folder = box.folder(name)
  write(folder, 'file', 'below\n')
  mkdirSync(join(folder, 'sub'))
  write(folder, 'sub/deep', 'deep\n')
  symlinkSync('/etc/passwd', join(folder, 'out'))
  return folder
}

describe('-v source:destination:O', () => {
  e2e()('shows the folder; what is written never reaches it', async () => {
    const folder = sourceFolder('overlaid')
    const script = 'cat /o/file; echo above > /o/file; rm -r /o/sub; touch /o/new; cat /o/file; ls /o'
    expect(await sh(['-v', `${folder}:/o:O`], script)).toBe('below\nabove\nfile\nnew\nout')
    expect(readdirSync(folder).toSorted()).toEqual(['file', 'out', 'sub'])
    expect(read(join(folder, 'file'))).toBe('below\n')
  })

  e2e()('what was written is gone at the next start', async () => {
    const folder = sourceFolder('forgotten')
    await ok(
      'create',
      '--name',
      'twice',
      '--network',
      'none',
      '-v',
      `${folder}:/o:O`,
      'alpine',
      'sh',
      '-c',
      'ls /o | wc -l; touch /o/new',
    )
    expect(await ok('start', '-a', 'twice')).toBe('3')
    expect(await ok('start', '-a', 'twice')).toBe('3')
  })

  tspodOnly()('takes no room once the container has ended', async () => {
    const folder = sourceFolder('temporary')
    await ok(
      'run',
      '--name',
      'ended',
      '--network',
      'none',
      '-v',
      `${folder}:/o:O`,
      'alpine',
      'dd',
      'if=/dev/zero',
      'of=/o/big',
      'bs=1k',
      'count=64',
    )
    const id = await ok('inspect', '-f', '{{.Id}}', 'ended')
    await until('the written files to go', () => !existsSync(join(box.graphRoot, 'containers', id, 'mounts')))
  })

  e2e()('upperdir=, workdir= keep it', async () => {
    const folder = sourceFolder('kept')
    const [upper, work] = [box.folder('kept-upper'), box.folder('kept-work')]
    const option = ['-v', `${folder}:/o:O,upperdir=${upper},workdir=${work}`]
    await sh(option, 'echo above > /o/file')
    expect(read(join(upper, 'file'))).toBe('above\n')
    expect(await sh(option, 'cat /o/file')).toBe('above')
    expect(read(join(folder, 'file'))).toBe('below\n')
  })

  tspodOnly()('over a named volume, and with other ids', async () => {
    await sh(['-v', 'under:/v'], 'echo below > /v/file')
    expect(
      await sh(
        ['--userns', 'keep-id', '--user', '0', '-v', 'under:/v:O'],
        'echo above >> /v/file 2>/dev/null; stat -c %u /v',
      ),
    ).toBe(String(own))
    expect(await sh(['-v', 'under:/v:O'], 'echo above > /v/file; cat /v/file')).toBe('above')
    expect(await sh(['-v', 'under:/v'], 'cat /v/file')).toBe('below')
    await ok('volume', 'rm', 'under')
  })

  tspodOnly()('is refused for files, with U, and where its folders are missing', async () => {
    const folder = sourceFolder('refused')
    for (const [option, words] of [
      [`${folder}/file:/o:O`, 'the option O is for folders'],
      [`${folder}:/o:O,U`, 'the options O and U contradict each other'],
      [`${folder}:/o:O,upperdir=${folder}/no,workdir=${folder}/no`, 'does not exist'],
    ] as const) {
      const { status, stderr } = await tspod('run', '--rm', '-v', option, 'alpine', 'true')
      expect({ option, status }).toEqual({ option, status: 125 })
      expect(stderr).toContain(words)
    }
  })
})

describe(':U', () => {
  e2e()("gives all of it to the container's user, but nothing that links lead to", async () => {
    const folder = sourceFolder('given')
    const target = write(box.home, 'linked-to', '')
    symlinkSync(target, join(folder, 'link'))
    const script = 'stat -c %u /o /o/file /o/sub/deep | sort -u; echo mine > /o/sub/deep && echo wrote'
    expect(await sh(['--user', 'app', '-v', `${folder}:/o:U`], script)).toBe('1000\nwrote')
    expect(statSync(target).uid).toBe(own)
    expect(statSync(join(folder, 'file')).uid).not.toBe(own)
    await sh(['-v', `${folder}:/o:U`], 'true') // back to root, who is the caller
    expect(statSync(join(folder, 'sub/deep')).uid).toBe(own)
  })

  tspodOnly()('follows the mapping: under keep-id it is the caller', async () => {
    const folder = sourceFolder('given-kept')
    expect(await sh(['--userns', 'keep-id', '-v', `${folder}:/o:U`], 'stat -c %u /o/file')).toBe(String(own))
    expect(statSync(join(folder, 'file')).uid).toBe(own)
  })

  tspodOnly()('says whose files it cannot give', async () => {
    const { status, stderr } = await tspod('run', '--rm', '-v', '/etc/hostname:/o:U', 'alpine', 'true')
    expect(status).toBe(125)
    expect(stderr).toContain('giving "/etc/hostname" to the container\'s user: it belongs to somebody else')
  })
})

describe('--mount type=image', () => {
  const mount = (more = '') => ['--mount', `type=image,source=alpine,destination=/img${more}`]

  e2e()('shows the files of an image, which nobody can change', async () => {
    expect(await sh(mount(), 'cat /img/etc/alpine-release; touch /img/x 2>/dev/null || echo refused')).toBe(
      '3.20.0\nrefused',
    )
  })

  e2e()('rw=true: what is written is gone afterwards', async () => {
    const script = 'ls /img/etc | wc -l; echo x > /img/etc/new; cat /img/etc/new'
    const first = await sh(mount(',rw=true'), script)
    expect(first).toEndWith('\nx')
    expect(await sh(mount(',rw=true'), script)).toBe(first)
  })

  tspodOnly()('subpath= shows a part, a file too; one that is not there is refused', async () => {
    expect(await sh(mount(',subpath=etc'), 'cat /img/alpine-release')).toBe('3.20.0')
    expect(await sh(mount(',subpath=etc/alpine-release'), 'cat /img')).toBe('3.20.0')
    const { status, stderr } = await tspod('run', '--rm', ...mount(',subpath=no/such'), 'alpine', 'true')
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: expect.stringContaining('the subpath "no/such" does not exist'),
    })
  })

  tspodOnly()('with other ids, whose files have owners all the same', async () => {
    for (const userns of ['keep-id', 'auto'])
      expect(await sh(['--userns', userns, ...mount()], 'stat -c %u:%g /img/etc/passwd /img')).toBe('0:0\n0:0')
  })

  tspodOnly()('keeps the layers for a container although the image is removed', async () => {
    await ok('tag', 'alpine', 'mounted')
    await ok(
      'create',
      '--name',
      'holder',
      '--network',
      'none',
      ...mount().map(word => word.replace('alpine', 'mounted')),
      'alpine',
      'cat',
      '/img/etc/alpine-release',
    )
    await ok('rmi', 'mounted')
    expect(await ok('start', '-a', 'holder')).toBe('3.20.0')
  })
})

describe('a part of a volume', () => {
  const part = (path: string) => ['--mount', `type=volume,source=parts,destination=/p,volume-subpath=${path}`]

  tspodOnly()('is found beneath the volume, wherever its links lead', async () => {
    write(box.home, 'secret', 'of the host')
    const depth = '../'.repeat(20)
    await sh(
      ['-v', 'parts:/v'],
      `mkdir -p /v/a/b; echo b > /v/a/b/f; ln -s /a/b /v/in; ln -s / /v/root; ln -s ${depth}${box.home} /v/up`,
    )
    expect(await sh(part('a/b'), 'cat /p/f')).toBe('b')
    expect(await sh(part('a/b/f'), 'cat /p')).toBe('b')
    expect(await sh(part('in'), 'cat /p/f')).toBe('b')
    expect(await sh(part('root'), 'ls /p')).toBe('a\nin\nroot\nup')
    for (const path of ['up', 'root/etc', 'no']) {
      const { status, stderr } = await tspod('run', '--rm', ...part(path), 'alpine', 'ls', '/p')
      expect({ path, status, stderr }).toEqual({
        path,
        status: 125,
        stderr: expect.stringContaining(`the subpath "${path}" does not exist`),
      })
    }
    await ok('volume', 'rm', 'parts')
  })
})

describe('a source', () => {
  e2e()('may be a file, a socket, a pipe, or reached through links', async () => {
    const folder = sourceFolder('kinds')
    symlinkSync('sub', join(folder, 'link'))
    symlinkSync('sub/deep', join(folder, 'filelink'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const server = createServer().listen(join(folder, 's'))
    try {
      const options = ['pipe:/pipe', 's:/sock', 'link:/dir', 'filelink:/deep'].flatMap(text => [
        '-v',
        `${folder}/${text}`,
      ])
      expect(await sh(options, 'stat -c %F /pipe /sock /dir /deep; cat /dir/deep /deep')).toBe(
        'fifo\nsocket\ndirectory\nregular file\ndeep\ndeep',
      )
    } finally {
      server.close()
    }
  })

  e2e()('that is not there, not ours, or below a file is named with the reason', async () => {
    const folder = sourceFolder('absent')
    symlinkSync('nowhere', join(folder, 'dangling'))
    for (const [source, reason] of [
      [`${folder}/no`, 'no such file or directory'],
      [`${folder}/dangling`, 'no such file or directory'],
      [`${folder}/file/x`, 'not a directory'],
      ['/root/x', 'permission denied'],
    ] as const) {
      const { status, stderr } = await tspod('run', '--rm', '-v', `${source}:/x`, 'alpine', 'true')
      expect({ source, status, stderr }).toEqual({
        source,
        status: 125,
        stderr: expect.stringContaining(`statfs ${source}: ${reason}`),
      })
    }
  })

  tspodOnly()('and a destination of different kinds are told apart', async () => {
    const folder = sourceFolder('mismatch')
    const file = await tspod('run', '--rm', '-v', `${folder}/file:/etc`, 'alpine', 'true')
    expect(file.stderr).toContain('is no folder, and what the container has at "/etc" is one')
    const other = await tspod('run', '--rm', '-v', `${folder}:/etc/passwd`, 'alpine', 'true')
    expect(other.stderr).toContain('is a folder, and what the container has at "/etc/passwd" is none')
  })

  e2e()('with a label of SELinux is mounted as ever where there is no SELinux', async () => {
    const folder = sourceFolder('labelled')
    expect(await sh(['-v', `${folder}:/a:z`, '-v', `${folder}:/b:ro,Z`], 'cat /a/file /b/file')).toBe('below\nbelow')
  })

  e2e()('two hundred of them', async () => {
    const options = Array.from({ length: 200 }, (_, index) => [
      '-v',
      `${box.folder(`many/${index}`)}:/m/${index}`,
    ]).flat()
    expect(await sh(options, 'ls /m | wc -l; grep -c " /m/" /proc/mounts')).toBe('200\n200')
  })
})

describe('a destination', () => {
  e2e()('behind a link of the image that leads out lands beneath the root', async () => {
    const outside = box.folder('outside')
    const folder = sourceFolder('landing')
    await ok(
      'run',
      '--name',
      'trap',
      '--network',
      'none',
      'alpine',
      'sh',
      '-c',
      `ln -s ${'../'.repeat(20)}${outside} /trap; ln -s ${outside} /abs`,
    )
    const tar = join(box.home, 'trap.tar')
    await ok('export', '-o', tar, 'trap')
    await ok('import', tar, 'trap')
    const options = ['-v', `${folder}:/trap/made`, '-v', `${folder}/file:/abs/file`]
    await ok(
      'run',
      '--rm',
      '--network',
      'none',
      ...options,
      'trap',
      'sh',
      '-c',
      `[ -e ${outside}/made/file ] && cat ${outside}/file`,
    )
    expect(readdirSync(outside)).toEqual([])
  })

  e2e()('behind a link to nothing is made where that leads', async () => {
    const script =
      'rm -f /etc/resolv.conf /etc/hosts; ln -s ../run/systemd/resolve/stub.conf /etc/resolv.conf; ln -s /no/such/hosts /etc/hosts'
    await ok('run', '--name', 'dangling', '--network', 'none', '--no-hosts', 'alpine', 'sh', '-c', script)
    const tar = join(box.home, 'dangling.tar')
    await ok('export', '-o', tar, 'dangling')
    await ok('import', tar, 'dangling')
    const text = await ok(
      'run',
      '--rm',
      '--dns',
      '192.0.2.1',
      'dangling',
      'sh',
      '-c',
      'cat /run/systemd/resolve/stub.conf; grep -c localhost /no/such/hosts',
    )
    expect(text).toContain('nameserver 192.0.2.1')
    expect(text).toMatch(/\n[1-9]$/)
  })
})

describe('--volumes-from', () => {
  e2e()('brings volumes and binds, read-only where asked', async () => {
    const folder = sourceFolder('shared')
    await ok('create', '--name', 'giver', '-v', `${folder}:/bound`, '-v', 'given:/vol', 'alpine', 'true')
    const script = 'cat /bound/file; touch /bound/x /vol/x 2>/dev/null && echo wrote || echo refused'
    expect(await sh(['--volumes-from', 'giver:ro'], script)).toBe('below\nrefused')
    expect(await sh(['--volumes-from', 'giver'], script)).toBe('below\nwrote')
    await ok('rm', 'giver')
    await ok('volume', 'rm', 'given')
  })

  tspodOnly()('an overlay is a new one for the other container', async () => {
    const folder = sourceFolder('shared-overlay')
    await ok('create', '--name', 'giver', '-v', `${folder}:/o:O`, 'alpine', 'true')
    expect(await sh(['--volumes-from', 'giver'], 'echo above > /o/file; cat /o/file')).toBe('above')
    expect(read(join(folder, 'file'))).toBe('below\n')
  })
})
