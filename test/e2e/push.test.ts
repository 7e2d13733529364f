// push, login and logout, commit: to registries that behave and registries that do not, and what other tools read there.
import { describe, expect } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { registryUser } from '#test/setup/registries.ts'
import { endPause, podmanBeside } from './podman-beside.ts'
import { startPushRegistry, type Trouble } from './push-registry.ts'
import { e2e, tspodOnly, until, useSandbox } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
const authRegistry = process.env.TSPOD_TEST_REGISTRY_AUTH ?? ''
const unique = `p${process.pid}`

const skopeo = (...args: string[]) => execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8' })
const inspect = (name: string) => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`)
interface Manifest {
  mediaType: string
  config: { digest: string; mediaType: string }
  layers: { digest: string; mediaType: string; size: number }[]
}
const manifestOf = (name: string) => JSON.parse(inspect(name)) as Manifest

describe('push', () => {
  e2e()('sends an image that comes back with the same id and digest', async () => {
    const name = `${registry}/${unique}/plain:1`
    const id = await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine')
    await ok('push', '-q', '--digestfile', join(box.home, 'digest'), 'alpine', name)
    const digest = readFileSync(join(box.home, 'digest'), 'utf8')
    expect(skopeo('inspect', '--tls-verify=false', '-f', '{{.Digest}}', `docker://${name}`).trim()).toBe(digest)
    expect(manifestOf(name).config.digest).toBe(`sha256:${id}`)
    expect(await ok('pull', '-q', name)).toBe(id)
    await ok('rmi', name)
  })

  tspodOnly()(
    'sends nothing twice: what the repository has, and what another repository of the registry has',
    async () => {
      const first = await tspod('push', 'alpine', `${registry}/${unique}/one:1`)
      expect(first.status).toBe(0)
      const again = await tspod('push', 'alpine', `${registry}/${unique}/one:2`)
      expect(again.stderr).toMatch(/Copying blob sha256:\w+ skipped: already exists/)
      expect(again.stderr).not.toMatch(/Copying blob sha256:\w+ done/)
      const other = await tspod('push', 'alpine', `${registry}/${unique}/two:1`)
      expect(other.stderr).toMatch(/Copying blob sha256:\w+ skipped: already exists/)
    },
  )

  tspodOnly()('writes the media types and compression that are asked for', async () => {
    const name = `${registry}/${unique}/forms`
    await ok('push', '-q', '--format', 'v2s2', 'alpine', `${name}:docker`)
    expect(manifestOf(`${name}:docker`).mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
    expect(manifestOf(`${name}:docker`).layers[0]?.mediaType).toBe('application/vnd.docker.image.rootfs.diff.tar.gzip')
    await ok('push', '-q', '--compression-format', 'zstd', '--compression-level', '19', 'alpine', `${name}:zstd`)
    expect(manifestOf(`${name}:zstd`).layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd')
    await ok('push', '-q', '--compression-level', '1', 'alpine', `${name}:1`)
    await ok('push', '-q', '--compression-level', '9', 'alpine', `${name}:9`)
    const size = (tag: string) => manifestOf(`${name}:${tag}`).layers[0]?.size ?? 0
    expect(size('9')).toBeLessThan(size('1'))
    const id = await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine')
    for (const tag of ['docker', 'zstd', '1', '9']) expect(await ok('pull', '-q', `${name}:${tag}`)).toBe(id)
    const both = await tspod('push', '--format', 'v2s2', '--compression-format', 'zstd', 'alpine', `${name}:no`)
    expect(both.status).toBe(125)
    expect(both.stderr).toContain('no layers compressed with zstd')
    const level = await tspod('push', '--compression-level', '12', 'alpine', `${name}:no`)
    expect(level.stderr).toContain('gzip has the levels 1 to 9')
    await ok('rmi', '-f', ...['docker', 'zstd', '1', '9'].map(tag => `${name}:${tag}`))
  })

  tspodOnly('podman')('writes what podman and skopeo read, file by file', async () => {
    await ok('run', '--name', 'made', '--network', 'none', 'alpine', 'sh', '-c', made)
    await ok('commit', '-q', 'made', 'made')
    const name = `${registry}/${unique}/made:1`
    await ok('push', '-q', 'made', name)
    const expected = await ok('run', '--rm', '--network', 'none', 'made', 'sh', '-c', look)
    {
      using podman = podmanBeside(box)
      expect(podman.run('run', '--rm', '--network', 'none', name, 'sh', '-c', look)).toBe(expected)
    }
    const layout = join(box.home, 'copied')
    skopeo('copy', '-q', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:x`)
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] }
    expect(index.manifests[0]?.digest).toBe(
      skopeo('inspect', '--tls-verify=false', '-f', '{{.Digest}}', `docker://${name}`).trim(),
    )
  })

  tspodOnly('podman')('what buildah pushed comes back from us byte for byte, in both formats', async () => {
    const root = [
      '--root',
      join(box.home, 'buildah'),
      '--runroot',
      join(box.runtime, 'buildah'),
      '--storage-driver',
      'vfs',
    ]
    const run = (...args: string[]) => {
      const { success, stdout, stderr } = Bun.spawnSync(['buildah', ...root, ...args], { env: box.env, cwd: box.home })
      expect({ args, stderr: success ? '' : stderr.toString() }).toEqual({ args, stderr: '' })
      return stdout.toString().trim()
    }
    try {
      const container = run('from', '--pull', 'docker.io/library/alpine')
      run('config', '--label', 'made=by-buildah', container)
      for (const format of ['oci', 'docker']) {
        run('commit', '-q', '--format', format, container, `made-${format}`)
        const [from, to] = [`${registry}/${unique}/buildah:${format}`, `${registry}/${unique}/back:${format}`]
        run('push', '-q', '--tls-verify=false', `made-${format}`, `docker://${from}`)
        await ok('pull', '-q', from)
        await ok('push', '-q', from, to)
        expect(inspect(to)).toBe(inspect(from))
        await ok('rmi', from)
      }
    } finally {
      Bun.spawnSync(['unshare', '--map-root-user', '--map-auto', 'rm', '-rf', join(box.home, 'buildah')], {
        env: box.env,
      })
    }
  })

  tspodOnly('registry-tls')('speaks TLS with an authority of its own, and with no other', async () => {
    const target = `${process.env.TSPOD_TEST_REGISTRY_TLS}/${unique}/tls:1`
    const refused = await tspod('push', '-q', 'alpine', target)
    expect(refused.status).toBe(125)
    expect(refused.stderr).toContain('its certificate is not trusted')
    const folder = box.folder('certs')
    copyFileSync(process.env.TSPOD_TEST_CA ?? '', join(folder, 'ca.crt'))
    await ok('push', '-q', '--cert-dir', folder, 'alpine', target)
    await ok('pull', '-q', '--cert-dir', folder, target)
    await ok('rmi', target)
  })

  tspodOnly()('says where to push an image that has only a local name', async () => {
    await ok('tag', 'alpine', 'mine:1')
    const { status, stderr } = await tspod('push', 'mine:1')
    expect(status).toBe(125)
    expect(stderr).toContain('tspod push IMAGE REGISTRY/NAME')
    await ok('rmi', 'mine:1')
  })

  tspodOnly()('to a digest refuses another one', async () => {
    const wrong = `${registry}/${unique}/plain@sha256:${'0'.repeat(64)}`
    const { status, stderr } = await tspod('push', '-q', 'alpine', wrong)
    expect(status).toBe(125)
    expect(stderr).toMatch(/the manifest has the digest sha256:/)
  })

  tspodOnly()('writes folders and archives too', async () => {
    const archive = join(box.home, 'a.oci.tar')
    await ok('push', '-q', 'alpine', `oci-archive:${archive}:name:1`)
    expect(skopeo('inspect', '-f', '{{.Digest}}', `oci-archive:${archive}`)).toMatch(/^sha256:/)
    await ok('push', '-q', 'alpine', `dir:${join(box.home, 'a.dir')}`)
    expect(existsSync(join(box.home, 'a.dir/manifest.json'))).toBe(true)
    const { stderr } = await tspod('push', 'alpine', 'docker-daemon:x:1')
    expect(stderr).toContain('docker-daemon: is not implemented yet')
  })
})

const made = `
  mkdir -p /opt/deep/er; echo one > /opt/deep/a; ln /opt/deep/a /opt/deep/b; ln -s ../a /opt/deep/er/link
  chown 1000:1000 /opt/deep/a; chmod 4750 /opt/deep/a; touch -d '2001-02-03 04:05:06' /opt/deep/er
  rm /etc/profile; rm -rf /home/app; mkdir /home/app; echo new > /home/app/new; mkfifo /opt/pipe`
const look = `cd /; ls -ladn --full-time opt opt/* opt/deep/* opt/deep/er/* etc/profile home/app home/app/* 2>&1; cat opt/deep/b`

describe('push, when things break', () => {
  const pushTo = async (trouble: Trouble, ...options: string[]) => {
    await using hostile = await startPushRegistry(trouble)
    const args = ['push', '--tls-verify=false', '--retry-delay', '10ms', ...options, 'alpine']
    const result = await tspod(...args, `${hostile.address}/x/y:1`)
    return { ...result, ...hostile, received: hostile.received(), tokens: hostile.tokens() }
  }

  const layerBytes = async () => manifestOf(`${registry}/library/alpine:latest`).layers[0]?.size ?? 0

  tspodOnly()('goes on at the byte where the connection broke', async () => {
    const size = await layerBytes()
    const on: Trouble['on'] = (phase, count) => (phase === 'patch' && count <= 2 ? { cutAfter: 200_000 } : undefined)
    const { status, stderr, received, blobs, manifests } = await pushTo({ on })
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(stderr).toContain('trying again')
    expect(manifests.size).toBe(1)
    expect(blobs.size).toBe(2)
    expect(received).toBeLessThan(size + 10_000) // nothing twice
  })

  for (const phase of ['start', 'patch', 'put', 'manifest'] as const) {
    tspodOnly()(`survives a connection that drops during ${phase}`, async () => {
      const { status, stderr, manifests } = await pushTo({
        on: (at, count) => (at === phase && count === 1 ? { cutAfter: 0 } : undefined),
      })
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
      expect(manifests.size).toBe(1)
    })

    tspodOnly()(`survives 429 and 500 during ${phase}`, async () => {
      const { status, stderr, manifests } = await pushTo({
        on: (at, count) => (at === phase && count <= 2 ? { status: count === 1 ? 429 : 500 } : undefined),
      })
      expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
      expect(manifests.size).toBe(1)
    })

    tspodOnly()(`gives up on 500 for ever during ${phase}, and says so`, async () => {
      const { status, stderr, manifests } = await pushTo({ on: at => (at === phase ? { status: 500 } : undefined) })
      expect(status).toBe(125)
      expect(stderr).toMatch(/Error: writing (blob|manifest) .*HTTP status 500/)
      expect(manifests.size).toBe(0)
    })

    tspodOnly()(`ends with the registry's words on 403 during ${phase}`, async () => {
      const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'the quota is used up\u001b[31m' }] })
      const { status, stderr } = await pushTo({ on: at => (at === phase ? { status: 403, body } : undefined) })
      expect(status).toBe(125)
      expect(stderr).toContain('denied: the quota is used up')
      expect(stderr).not.toContain('\u001b[31m')
    })

    tspodOnly()(`is not confused by nonsense during ${phase}`, async () => {
      const { status, stderr } = await pushTo({
        on: at => (at === phase ? { status: 418, body: '<html>\u0000teapot' } : undefined),
      })
      expect(status).toBe(125)
      expect(stderr).toContain('HTTP status 418')
    })
  }

  tspodOnly()('starts anew where the registry has forgotten the upload', async () => {
    const { status, stderr, manifests } = await pushTo({
      on: (phase, count) => (phase === 'patch' && count === 1 ? { status: 404 } : undefined),
    })
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(manifests.size).toBe(1)
  })

  tspodOnly()('does not start anew for ever', async () => {
    const { status, stderr } = await pushTo({ on: phase => (phase === 'patch' ? { status: 404 } : undefined) })
    expect(status).toBe(125)
    expect(stderr).toContain('forgot the upload again and again')
  })

  tspodOnly()('sends chunks where a whole layer is too much', async () => {
    const { status, stderr, requests, manifests } = await pushTo({ mostBytes: 400_000 })
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(requests.filter(line => line.startsWith('PATCH')).length).toBeGreaterThan(2)
    expect(manifests.size).toBe(1)
  })

  tspodOnly()('gets new tokens when the old ones expire', async () => {
    const { status, stderr, tokens, manifests } = await pushTo({ tokenUses: 2 })
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(tokens).toBeGreaterThan(2)
    expect(manifests.size).toBe(1)
  })

  describe('of a layer that is compressed on its way', () => {
    const bytes = 20 << 20
    /** A layer that nobody can make smaller, plain in the store. */
    const importLarge = async (name: string) => {
      writeFileSync(
        join(box.home, 'large'),
        Buffer.concat(Array.from({ length: bytes >> 16 }, () => crypto.getRandomValues(Buffer.alloc(1 << 16)))),
      )
      execFileSync('tar', ['-C', box.home, '-cf', join(box.home, 'large.tar'), 'large'])
      await ok('import', '-q', join(box.home, 'large.tar'), name)
    }
    const push = async (address: string, name: string) =>
      await tspod('push', '--tls-verify=false', '--retry-delay', '10ms', name, `${address}/x/y:1`)

    tspodOnly()('sending begins meanwhile, and nothing is sent twice', async () => {
      await importLarge('large-a')
      await using hostile = await startPushRegistry()
      const { status, stderr } = await push(hostile.address, 'large-a')
      expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
      expect(hostile.requests.filter(line => line.startsWith('PATCH')).length).toBeGreaterThan(2)
      expect(hostile.received()).toBeLessThan(bytes * 1.01)
      // what was sent once is asked for
      const before = hostile.received()
      expect((await push(hostile.address, 'large-a')).status).toBe(0)
      expect(hostile.received()).toBe(before)
    })

    for (const [what, on] of [
      ['refuses the first piece', (phase, count) => (phase === 'patch' && count === 1 ? { status: 500 } : undefined)],
      ['forgets after the second', (phase, count) => (phase === 'patch' && count === 2 ? { status: 404 } : undefined)],
      ['cuts the connection', (phase, count) => (phase === 'patch' && count === 2 ? { cutAfter: 100_000 } : undefined)],
      ['takes no upload at first', (phase, count) => (phase === 'start' && count === 1 ? { status: 503 } : undefined)],
    ] as [string, Trouble['on']][])
      tspodOnly()(`goes on, or begins anew, where the registry ${what}`, async () => {
        await importLarge('large-b')
        await using hostile = await startPushRegistry({ on })
        const { status, stderr } = await push(hostile.address, 'large-b')
        expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
        expect([hostile.manifests.size, hostile.blobs.size]).toEqual([1, 2])
      })

    tspodOnly()('a push that was killed is done again, with what was compressed or without', async () => {
      await importLarge('large-c')
      for (const seen of [1, bytes * 0.6]) {
        await using hostile = await startPushRegistry()
        const running = box.start('push', '-q', '--tls-verify=false', 'large-c', `${hostile.address}/x/y:1`)
        await until('bytes of the layer', () => hostile.received() >= seen)
        running.kill('SIGKILL')
        await running.exited
        expect(hostile.manifests.size).toBe(0)
        const { status, stderr } = await push(hostile.address, 'large-c')
        expect([status, status === 0 ? '' : stderr]).toEqual([0, ''])
        expect([hostile.manifests.size, hostile.blobs.size]).toEqual([1, 2])
      }
      expect(readdirSync(join(box.graphRoot, 'tmp')).filter(name => name.startsWith('stage-'))).toEqual([])
    })
  })

  tspodOnly()('refuses an answer that does not say where to go on', async () => {
    const { status, stderr } = await pushTo({ on: phase => (phase === 'start' ? { status: 202 } : undefined) })
    expect(status).toBe(125)
    expect(stderr).toContain('does not say where to send it')
  })
})

describe('login', () => {
  e2e('registry-auth')('keeps a password from standard input, and logout forgets it', async () => {
    const { name, password } = registryUser
    const target = `${authRegistry}/${unique}/x:1`
    const anonymous = await tspod('push', '-q', 'alpine', target)
    expect(anonymous.status).toBe(125)
    expect(anonymous.stderr).toMatch(/unauthorized|authentication required|401/)
    const wrong = await tspodWith({ stdin: 'wrong\n' }, 'login', '-u', name, '--password-stdin', authRegistry)
    expect(wrong.status).toBe(125)
    expect((await tspod('push', '-q', 'alpine', target)).status).toBe(125)
    const right = await tspodWith({ stdin: `${password}\n` }, 'login', '-u', name, '--password-stdin', authRegistry)
    expect({ status: right.status, stdout: right.stdout }).toEqual({ status: 0, stdout: 'Login Succeeded!\n' })
    expect(await ok('login', '--get-login', authRegistry)).toBe(name)
    await ok('push', '-q', 'alpine', target)
    expect(await ok('logout', authRegistry)).toBe(`Removed login credentials for ${authRegistry}`)
    expect((await tspod('push', '-q', 'alpine', target)).status).toBe(125)
    const again = await tspod('logout', authRegistry)
    expect(again.status).toBe(125)
    expect(again.stderr).toContain('not logged into')
  })

  tspodOnly('registry-auth', 'podman')('and podman see each other, and nobody else sees the file', async () => {
    const file = join(box.runtime, 'containers/auth.json')
    const { name, password } = registryUser
    await tspodWith({ stdin: password }, 'login', '-u', name, '--password-stdin', authRegistry)
    const mode = execFileSync('stat', ['-c', '%a', file], { encoding: 'utf8' }).trim()
    expect(mode).toBe('600')
    const podman = execFileSync('podman', ['login', '--get-login', authRegistry], { env: box.env, encoding: 'utf8' })
    endPause(box)
    expect(podman.trim()).toBe(name)
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), other: { kept: true } }))
    await ok('logout', '--all')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ auths: {}, other: { kept: true } })
  })

  tspodOnly('registry-auth')('leaves the password to a credential helper that is set', async () => {
    const bin = box.folder('bin')
    const log = join(box.home, 'helper.log')
    const helper = join(bin, 'docker-credential-test')
    writeFileSync(
      helper,
      `#!/bin/sh
input=$(cat); echo "$1 $input" >> ${log}
case $1 in
store) echo "$input" > ${box.home}/secret ;;
get) [ -e ${box.home}/secret ] && cat ${box.home}/secret || { echo credentials not found in native keychain; exit 1; } ;;
erase) rm ${box.home}/secret ;;
esac
`,
      { mode: 0o755 },
    )
    const authfile = join(box.home, 'helped.json')
    writeFileSync(authfile, JSON.stringify({ credHelpers: { [authRegistry]: 'test' } }))
    const env = { PATH: `${bin}:${box.env.PATH}` }
    const { name, password } = registryUser
    const login = await tspodWith(
      { stdin: password, env },
      'login',
      '-u',
      name,
      '--password-stdin',
      '-v',
      '--authfile',
      authfile,
      authRegistry,
    )
    expect(login.stdout).toContain('docker-credential-test')
    expect(readFileSync(authfile, 'utf8')).not.toContain(Buffer.from(`${name}:${password}`).toString('base64'))
    const target = `${authRegistry}/${unique}/helped:1`
    expect((await tspodWith({ env }, 'push', '-q', '--authfile', authfile, 'alpine', target)).status).toBe(0)
    expect((await tspodWith({ env }, 'logout', '--authfile', authfile, authRegistry)).status).toBe(0)
    expect((await tspodWith({ env }, 'push', '-q', '--authfile', authfile, 'alpine', `${target}2`)).status).toBe(125)
    expect(readFileSync(log, 'utf8')).toContain(`store {"ServerURL":"${authRegistry}"`)
  })
})

describe('commit', () => {
  e2e()('keeps what a container changed, and how it is run', async () => {
    await ok('run', '--name', 'one', '--network', 'none', '-e', 'MODE=test', '-w', '/opt', 'alpine', 'sh', '-c', made)
    const id = await ok(
      'commit',
      '-q',
      '-m',
      'changed',
      '-a',
      'somebody',
      '-c',
      'CMD ["cat","/opt/deep/a"]',
      'one',
      'one:1',
    )
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await ok('run', '--rm', '--network', 'none', 'one:1')).toBe('one')
    const text = await ok('run', '--rm', '--network', 'none', 'one:1', 'sh', '-c', `echo $MODE; pwd; ${look}`)
    expect(text).toMatch(/-rwsr-x--- +2 1000 +1000 .*opt\/deep\/b/)
    expect(text).toContain('2001-02-03 04:05:06')
    expect(text).toMatch(/etc\/profile: No such file/)
    expect(text).toMatch(/^test\n\/opt\n/)
    expect(await ok('image', 'inspect', '-f', '{{.Author}} {{.Comment}}', 'one:1')).toBe('somebody changed')
    await ok('rm', 'one')
    await ok('rmi', 'one:1')
  })

  tspodOnly()('leaves out what every container gets, and --squash makes one layer', async () => {
    await ok(
      'run',
      '--name',
      'two',
      '--network',
      'none',
      '-v',
      `${box.folder('shared')}:/shared`,
      'alpine',
      'touch',
      '/mark',
    )
    await ok('commit', '-q', 'two', 'two')
    await ok('commit', '-q', '--squash', 'two', 'flat')
    expect((await ok('image', 'inspect', '-f', '{{len .RootFS.Layers}}', 'two', 'flat')).split('\n')).toEqual([
      '2',
      '1',
    ])
    await ok('save', '-q', '--format', 'oci-archive', '-o', join(box.home, 'two.tar'), 'two')
    const layout = join(box.home, 'two.oci')
    skopeo('copy', '-q', `oci-archive:${join(box.home, 'two.tar')}`, `dir:${layout}`)
    const { layers } = JSON.parse(readFileSync(join(layout, 'manifest.json'), 'utf8')) as Manifest
    const top = join(layout, layers.at(-1)?.digest.slice('sha256:'.length) ?? '')
    const files = execFileSync('tar', ['-tf', top], { encoding: 'utf8' }).split('\n')
    expect(files.filter(file => file !== '' && !file.endsWith('/'))).toEqual(['mark'])
    expect(files).not.toContain('shared/')
    await ok('rm', 'two')
    await ok('rmi', 'two', 'flat')
  })
})
