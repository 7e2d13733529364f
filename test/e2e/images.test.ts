// Images: pulled, loaded, saved, imported, tagged, removed, looked at; and what skopeo makes of what we wrote.
import { describe, expect } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { registryUser } from '#test/setup/registries.ts'
import { e2e, isPodman, tspodOnly, until, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
const names = async () => (await ok('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n').toSorted()

describe('pull', () => {
  e2e()('by short name, full name, registry and digest is the same image', async () => {
    const id = await ok('pull', '-q', 'alpine')
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await ok('pull', '-q', 'docker.io/library/alpine:latest')).toBe(id)
    expect(await ok('pull', '-q', `${registry}/library/alpine`)).toBe(id)
    const digest = await ok('image', 'inspect', '-f', '{{.Digest}}', 'alpine')
    expect(await ok('pull', '-q', `${registry}/library/alpine@${digest}`)).toBe(id)
    await ok('rmi', `${registry}/library/alpine:latest`, `${registry}/library/alpine@${digest}`)
  })

  e2e()('of what is not there names it', async () => {
    const { status, stderr } = await tspod('pull', `${registry}/library/nothing:here`)
    expect(status).toBe(125)
    expect(stderr).toContain('library/nothing')
    expect(stderr).toMatch(/manifest unknown|name unknown|not found/i)
  })

  e2e()(
    'from nowhere says which address refused',
    async () => {
      const { status, stderr } = await tspodWith({ timeoutMs: 110_000 }, 'pull', '127.0.0.1:1/x/y')
      expect(status).toBe(125)
      expect(stderr).toContain('127.0.0.1:1')
      expect(stderr).toMatch(/refused/i)
    },
    115_000,
  )

  tspodOnly()('says what it does, line by line, where there is no terminal', async () => {
    await ok('rmi', 'alpine')
    const { stdout, stderr } = await tspod('pull', 'alpine')
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/)
    expect(stderr).toMatch(/docker\.io\/library\/alpine/)
    expect(stderr).not.toContain('\x1b')
  })

  e2e()('shows progress on a terminal', async () => {
    await tspod('rmi', 'alpine')
    const terminal = box.terminal('pull', 'alpine')
    expect(await terminal.exited).toBe(0)
    expect(terminal.text()).toMatch(/[0-9a-f]{12}/)
    expect(terminal.text()).toMatch(/done|complete/i)
  })

  e2e('registry-auth')(
    'with a password: refused without, refused with a wrong one, works with --creds and auth.json',
    async () => {
      const image = `${process.env.TSPOD_TEST_REGISTRY_AUTH}/library/alpine`
      const without = await tspod('pull', image)
      expect(without.status).toBe(125)
      expect(without.stderr).toMatch(/unauthorized|authentication/i)
      const wrong = await tspod('pull', '--creds', `${registryUser.name}:wrong`, image)
      expect(wrong.status).toBe(125)
      expect(wrong.stderr).not.toContain('wrong@')
      await ok('pull', '-q', '--creds', `${registryUser.name}:${registryUser.password}`, image)
      await ok('rmi', image)
      const auth = Buffer.from(`${registryUser.name}:${registryUser.password}`).toString('base64')
      const file = write(
        box.home,
        'auth.json',
        JSON.stringify({ auths: { [process.env.TSPOD_TEST_REGISTRY_AUTH ?? '']: { auth } } }),
      )
      await ok('pull', '-q', '--authfile', file, image)
      await ok('rmi', image)
      mkdirSync(join(box.home, '.docker'), { recursive: true })
      write(
        join(box.home, '.docker'),
        'config.json',
        JSON.stringify({ auths: { [process.env.TSPOD_TEST_REGISTRY_AUTH ?? '']: { auth } } }),
      )
      await ok('pull', '-q', image)
      await ok('rmi', image)
    },
  )

  e2e('registry-tls')('trusts a CA given by --cert-dir, SSL_CERT_FILE or certs.d, and nothing else', async () => {
    const host = process.env.TSPOD_TEST_REGISTRY_TLS ?? ''
    const image = `${host}/library/alpine`
    const refused = await tspod('pull', image)
    expect(refused.status).toBe(125)
    expect(refused.stderr).toMatch(/certificate/i)
    const certDir = box.folder('certs')
    await Bun.$`cp ${process.env.TSPOD_TEST_CA} ${join(certDir, 'ca.crt')}`
    await ok('pull', '-q', '--cert-dir', certDir, image)
    await ok('rmi', image)
    const result = await tspodWith({ env: { SSL_CERT_FILE: process.env.TSPOD_TEST_CA ?? '' } }, 'pull', '-q', image)
    expect(result.status).toBe(0)
    await ok('rmi', image)
    await ok('pull', '-q', '--tls-verify=false', image)
    await ok('rmi', image)
    await Bun.$`mkdir -p ${box.home}/.config/containers/certs.d/${host} && cp ${process.env.TSPOD_TEST_CA} ${box.home}/.config/containers/certs.d/${host}/ca.crt`
    await ok('pull', '-q', image)
    await ok('rmi', image)
  })

  e2e()(
    'through a proxy obeys HTTP_PROXY and NO_PROXY',
    async () => {
      const seen: string[] = []
      await using stack = new AsyncDisposableStack()
      const proxy = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: request => {
          const { pathname } = new URL(request.url)
          seen.push(pathname)
          return fetch(`http://${registry}${pathname}`, { headers: request.headers })
        },
      })
      stack.defer(() => proxy.stop(true))
      // only the proxy can reach a registry of this name
      const image = 'registry.invalid:5000/library/alpine'
      const pull = (noProxy: string) => {
        const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: noProxy }
        return tspodWith({ env, timeoutMs: 110_000 }, 'pull', '-q', '--tls-verify=false', image)
      }
      expect((await pull('registry.invalid')).status).toBe(125)
      expect(seen).toEqual([])
      const pulled = await pull('')
      expect(pulled.status === 0 ? '' : pulled.stderr).toBe('')
      expect(seen).toContain('/v2/library/alpine/manifests/latest')
      await ok('rmi', image)
    },
    115_000,
  )
})

describe('tag and rmi', () => {
  e2e()('names come and go, the image stays while it has one', async () => {
    await ok('pull', '-q', 'alpine')
    await ok('tag', 'alpine', 'localhost/mine:1', 'localhost/mine:2')
    expect(await names()).toEqual(['docker.io/library/alpine:latest', 'localhost/mine:1', 'localhost/mine:2'])
    expect(await ok('rmi', 'localhost/mine:1')).toContain('Untagged: localhost/mine:1')
    await ok('untag', 'alpine', 'localhost/mine:2')
    expect(await names()).toEqual(['docker.io/library/alpine:latest'])
    const id = await ok('images', '-q')
    expect(id).toMatch(/^[0-9a-f]{12}$/)
    const removed = await ok('rmi', id)
    expect(removed).toMatch(/Deleted: [0-9a-f]{64}/)
    expect(await ok('images', '-q')).toBe('')
    await ok('pull', '-q', 'alpine')
  })

  e2e()('an image with several names is not removed by id without force', async () => {
    await ok('tag', 'alpine', 'localhost/second')
    const id = await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine')
    expect((await tspod('rmi', id)).status).not.toBe(0)
    await ok('rmi', 'localhost/second')
  })
})

describe('looking', () => {
  e2e()('images lists with formats, filters and ids', async () => {
    expect(await ok('images', '--noheading', '--format', '{{.Repository}} {{.Tag}} {{len .ID}}')).toBe(
      'docker.io/library/alpine latest 12',
    )
    expect(await ok('images', '-q', '--no-trunc')).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await ok('images')).toMatch(/^REPOSITORY\s+TAG\s+IMAGE ID\s+CREATED\s+SIZE\n/)
    expect(await ok('images', '-q', '--filter', 'reference=alpine')).not.toBe('')
    expect(await ok('images', '-q', '--filter', 'dangling=true')).toBe('')
    const [entry] = JSON.parse(await ok('images', '--format', 'json')) as Record<string, unknown>[]
    for (const key of ['Id', 'Names', 'Size', 'Created', 'Digest']) expect(entry).toHaveProperty(key)
    expect(await ok('image', 'ls', '-q')).toBe(await ok('images', '-q'))
  })

  e2e()('inspect has the keys scripts read', async () => {
    const [image] = JSON.parse(await ok('image', 'inspect', 'alpine')) as [Record<string, unknown>]
    for (const key of [
      'Id',
      'Digest',
      'RepoTags',
      'RepoDigests',
      'Created',
      'Config',
      'Architecture',
      'Os',
      'Size',
      'RootFS',
      'History',
    ])
      expect(image).toHaveProperty(key)
    expect(image.RepoTags).toEqual(['docker.io/library/alpine:latest'])
    expect(await ok('inspect', '--type', 'image', '-f', '{{.Config.Cmd}}', 'alpine')).toBe('[/bin/sh]')
    expect(await ok('image', 'inspect', '-f', '{{json .Config.Env}}', 'alpine')).toStartWith('["PATH=')
  })

  e2e()('exists and history', async () => {
    expect((await tspod('image', 'exists', 'alpine')).status).toBe(0)
    expect((await tspod('image', 'exists', 'nothing')).status).toBe(1)
    expect(await ok('history', '--format', '{{.CreatedBy}}', 'alpine')).toContain('test fixture')
  })
})

describe('archives', () => {
  e2e('skopeo')('save and load keep the image, in both formats, and skopeo reads them', async () => {
    const id = await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine')
    for (const [format, transport] of [
      ['docker-archive', 'docker-archive'],
      ['oci-archive', 'oci-archive'],
    ]) {
      const file = join(box.home, `${format}.tar`)
      await ok('save', '-q', '--format', format ?? '', '-o', file, 'alpine')
      const inspected = await Bun.$`skopeo --insecure-policy inspect ${`${transport}:${file}`}`.json()
      expect(inspected).toMatchObject({ Os: 'linux' })
      await ok('rmi', 'alpine')
      expect(await ok('load', '-i', file)).toContain('docker.io/library/alpine:latest')
      expect(await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine')).toBe(id)
      expect(await ok('run', '--rm', 'alpine', 'cat', '/etc/alpine-release')).toBe('3.20.0')
    }
  })

  e2e('skopeo')('load takes what skopeo wrote, from standard input, compressed or not', async () => {
    for (const compress of ['cat', 'gzip', 'zstd']) {
      if (isPodman && compress !== 'cat') continue
      const archive = Bun.file(join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.tar'))
      const bytes = Bun.spawnSync([compress], { stdin: archive }).stdout
      const loaded = await tspodWith({ stdin: new Uint8Array(bytes) }, 'load')
      expect(loaded.status === 0 ? loaded.stdout : loaded.stderr).toContain('docker.io/library/alpine:latest')
    }
  })

  e2e()('import makes an image of a root file system, with changes', async () => {
    const tar = join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.rootfs.tar')
    const id = await ok(
      'import',
      '-q',
      '-c',
      'CMD ["echo","imported"]',
      '-c',
      'ENV COLOUR=blue',
      tar,
      'localhost/imported:1',
    )
    expect(id).toMatch(/^(sha256:)?[0-9a-f]{64}$/)
    expect(await ok('run', '--rm', 'localhost/imported:1')).toBe('imported')
    expect(await ok('run', '--rm', 'localhost/imported:1', 'sh', '-c', 'echo $COLOUR')).toBe('blue')
    await ok('rmi', 'localhost/imported:1')
  })

  tspodOnly()('save refuses to write to a terminal', async () => {
    const terminal = box.terminal('save', 'alpine')
    expect(await terminal.exited).toBe(125)
    expect(terminal.text()).toContain('terminal')
  })

  tspodOnly()('image from-host makes a running image of the programs here', async () => {
    await ok('image', 'from-host')
    expect(await ok('run', '--rm', 'mini', 'sh', '-c', 'id -u; ls /bin | grep -c .')).toMatch(/^0\n\d+$/)
    await ok('rmi', 'mini')
  })
})

describe('a bigger image', () => {
  e2e('debian')(
    'runs, with its own dynamic programs',
    async () => {
      await tspodWith({ timeoutMs: 110_000 }, 'pull', '-q', 'debian')
      expect(
        await ok('run', '--rm', 'debian', 'sh', '-c', '. /etc/os-release; echo $ID; apt-get --version | head -1'),
      ).toMatch(/^debian\napt /)
      expect(await ok('run', '--rm', 'debian', 'perl', '-e', 'print 6*7')).toBe('42')
      await ok('rmi', 'debian')
    },
    115_000,
  )
})

describe('events', () => {
  e2e()('tell what happened', async () => {
    await ok('run', '--rm', '--name', 'eventful', 'alpine', 'true')
    await until('the events', async () => {
      const told = await ok('events', '--stream=false', '--filter', 'container=eventful', '--format', '{{.Status}}')
      return ['create', 'start', 'died', 'remove'].every(word => told.split('\n').includes(word))
    })
  })
})
