// The rest of an image's life: searching, lists for several platforms, signatures and policies, artifacts, trees, mounts, prunes.
import { describe, expect } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { e2e, tspodOnly, useSandbox, write } from './sandbox.ts'

const box = useSandbox('alpine')
const { tspod, tspodWith, ok } = box
const registry = process.env.TSPOD_TEST_REGISTRY ?? ''
const unique = `l${process.pid}`
const skopeo = (...args: string[]) => execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8' })

describe('search', () => {
  e2e()('finds repositories by a part of their names, and lists tags', async () => {
    for (const tag of ['one', 'two']) await ok('push', '-q', 'alpine', `${registry}/${unique}/found:${tag}`)
    expect(await ok('search', '--format', '{{.Name}}', `${registry}/${unique}/fou`)).toBe(`${registry}/${unique}/found`)
    const tags = await ok('search', '--list-tags', '--format', '{{.Tag}}', `${registry}/${unique}/found`)
    expect(tags.split('\n').toSorted()).toEqual(['one', 'two'])
    expect(
      await ok('search', '--list-tags', '--limit', '1', '--format', '{{.Tag}}', `${registry}/${unique}/found`),
    ).toMatch(/^(one|two)$/)
  })

  tspodOnly()('refuses filters that there are none of', async () => {
    const { status, stderr } = await tspod('search', '--filter', 'size=3', `${registry}/x`)
    expect(status).toBe(125)
    expect(stderr).toContain('size=3')
  })
})

describe('pull', () => {
  e2e()('--all-tags brings every tag', async () => {
    for (const tag of ['a', 'b']) await ok('push', '-q', 'alpine', `${registry}/${unique}/tags:${tag}`)
    await ok('pull', '-q', '--all-tags', `${registry}/${unique}/tags`)
    for (const tag of ['a', 'b']) await ok('image', 'exists', `${registry}/${unique}/tags:${tag}`)
    await ok('rmi', `${registry}/${unique}/tags:a`, `${registry}/${unique}/tags:b`)
  })

  tspodOnly()('--budget refuses what would take too much, and says how much that is', async () => {
    await ok('push', '-q', '--compression-level', '1', 'alpine', `${registry}/${unique}/big:1`)
    const { status, stderr } = await tspod('pull', '--budget', '100k', `${registry}/${unique}/big:1`)
    expect(status).toBe(125)
    expect(stderr).toMatch(
      /it would fetch \d\.\d MB and unpack about \d\.\d MB, together \d\.\d MB; the budget is 0\.1 MB/,
    )
    await ok('pull', '-q', '--budget', '100M', `${registry}/${unique}/big:1`)
    await ok('rmi', `${registry}/${unique}/big:1`)
  })
})

interface Index {
  manifests: { digest: string; platform: { architecture: string }; annotations?: Record<string, string> }[]
}

describe('manifest', () => {
  tspodOnly()('makes a list of local and far images that other tools read', async () => {
    await ok('push', '-q', 'alpine', `${registry}/${unique}/far:1`)
    await ok('run', '--name', 'changed', '--network', 'none', 'alpine', 'touch', '/changed')
    await ok('commit', '-q', 'changed', 'near')
    expect(await ok('manifest', 'create', 'both:1', 'near')).toMatch(/^[0-9a-f]{64}$/)
    expect((await tspod('manifest', 'create', 'both:1')).stderr).toContain('already in use')
    await ok('manifest', 'add', '--arch', 'arm64', 'both:1', `docker://${registry}/${unique}/far:1`)
    const list = JSON.parse(await ok('manifest', 'inspect', 'both:1')) as Index
    expect(list.manifests.map(each => each.platform.architecture)).toEqual([
      process.arch === 'arm64' ? 'arm64' : 'amd64',
      'arm64',
    ])
    await ok('manifest', 'annotate', '--annotation', 'a=b', 'both:1', list.manifests[1]?.digest ?? '')
    const name = `${registry}/${unique}/both:1`
    await ok('manifest', 'push', '-q', '--digestfile', join(box.home, 'list'), 'both:1', name)
    const raw = skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`)
    const pushed = JSON.parse(raw) as Index
    expect(pushed.manifests[1]?.annotations).toEqual({ a: 'b' })
    expect(readFileSync(join(box.home, 'list'), 'utf8')).toBe(
      `sha256:${new Bun.CryptoHasher('sha256').update(raw).digest('hex')}`,
    )
    skopeo('copy', '-q', '--all', '--src-tls-verify=false', `docker://${name}`, `oci:${join(box.home, 'both')}:x`)
    await ok('pull', '-q', name)
    expect(await ok('run', '--rm', '--network', 'none', name, 'ls', '/changed')).toBe('/changed')
    await ok('push', '-q', 'both:1', `${registry}/${unique}/again:1`)
    expect(skopeo('inspect', '--raw', '--tls-verify=false', `docker://${registry}/${unique}/again:1`)).toBe(raw)
    await ok('manifest', 'remove', 'both:1', list.manifests[0]?.digest ?? '')
    expect(await ok('rmi', 'localhost/both:1')).toContain('Untagged: localhost/both:1')
    expect((await tspod('manifest', 'exists', 'both:1')).status).toBe(1)
    await ok('rm', 'changed')
    await ok('rmi', '-f', name, 'near')
    expect(await ok('system', 'check')).toContain('No damage')
  })

  tspodOnly()('names what is missing', async () => {
    expect((await tspod('manifest', 'add', 'nothing', 'alpine')).stderr).toContain('no such manifest list')
    await ok('manifest', 'create', 'empty')
    expect((await tspod('manifest', 'annotate', 'empty', `sha256:${'0'.repeat(64)}`)).stderr).toContain('has no member')
    expect((await tspod('manifest', 'add', 'empty', '--annotation', 'x', 'alpine')).stderr).toContain('KEY=VALUE')
    await ok('manifest', 'rm', 'empty')
  })
})

describe('signatures', () => {
  const key = (name: string) => {
    const file = join(box.home, `${name}.pem`)
    const type = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
    execFileSync('openssl', ['genpkey', ...type, '-out', file], { stdio: 'ignore' })
    execFileSync('openssl', ['pkey', '-in', file, '-pubout', '-out', join(box.home, `${name}.pub`)])
    return { file, trusted: { type: 'sigstoreSigned', keyPath: join(box.home, `${name}.pub`) } }
  }
  const policy = (...requirements: object[]) => {
    const folder = join(box.home, '.config/containers')
    mkdirSync(folder, { recursive: true })
    const transports = { docker: { [`${registry}/${unique}`]: requirements } }
    const text = JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }], transports })
    writeFileSync(join(folder, 'policy.json'), text)
  }

  tspodOnly()(
    'that policy.json demands are verified: key, digest and name',
    async () => {
      const [ours, theirs] = [key('ours'), key('theirs')]
      const name = `${registry}/${unique}/signed`
      await ok('push', '-q', '--sign-by-sigstore-private-key', ours.file, 'alpine', `${name}:1`)
      await ok('push', '-q', 'alpine', `${registry}/${unique}/unsigned:1`)
      policy(ours.trusted)
      await ok('pull', '-q', `${name}:1`)
      const unsigned = await tspod('pull', '-q', `${registry}/${unique}/unsigned:1`)
      expect(unsigned.status).toBe(125)
      expect(unsigned.stderr).toContain('it has no signature')

      policy(theirs.trusted)
      expect((await tspod('pull', '-q', `${name}:1`)).stderr).toContain('by none of the keys that are trusted')
      await ok('image', 'sign', '--sign-by-sigstore-private-key', theirs.file, `${name}:1`)
      await ok('pull', '-q', `${name}:1`)
      policy(ours.trusted, theirs.trusted)
      await ok('pull', '-q', `${name}:1`)

      policy()
      execFileSync('rm', [join(box.home, '.config/containers/policy.json')])
      await ok('push', '-q', 'alpine', `${name}:2`)
      policy(ours.trusted)
      expect((await tspod('pull', '-q', `${name}:2`)).stderr).toContain(`a signature is for the name "${name}:1"`)
      policy({ ...ours.trusted, signedIdentity: { type: 'matchRepository' } })
      await ok('pull', '-q', `${name}:2`)

      // what another image's signature says of this one
      const other = `${registry}/${unique}/other`
      execFileSync('rm', [join(box.home, '.config/containers/policy.json')])
      await ok('push', '-q', '--compression-level', '1', 'alpine', `${other}:1`)
      const digest = (image: string) =>
        skopeo('inspect', '--tls-verify=false', '-f', '{{.Digest}}', `docker://${image}`).trim().replace(':', '-')
      const [from, to] = [`${name}:${digest(`${name}:1`)}.sig`, `${other}:${digest(`${other}:1`)}.sig`]
      skopeo('copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', `docker://${from}`, `docker://${to}`)
      policy({ ...ours.trusted, signedIdentity: { type: 'exactRepository', dockerRepository: name } })
      expect((await tspod('pull', '-q', `${other}:1`)).stderr).toMatch(/a signature is for sha256:\w+, another image/)
      execFileSync('rm', [join(box.home, '.config/containers/policy.json')])
      await ok('rmi', '-f', `${name}:1`, `${name}:2`)
    },
    120_000,
  )

  tspodOnly()('image trust shows what is demanded, and changes it', async () => {
    const scope = `${registry}/${unique}`
    await ok('push', '-q', 'alpine', `${scope}/trusted:1`)
    const pulled = async () => (await tspod('pull', '-q', `${scope}/trusted:1`)).stderr
    await ok('image', 'trust', 'set', '--type', 'reject', scope)
    expect(await pulled()).toContain('rejects it')
    await ok('image', 'trust', 'set', '-t', 'sigstoreSigned', '-f', key('trust').trusted.keyPath, scope)
    expect(await pulled()).toContain('it has no signature')
    expect(await ok('image', 'trust', 'show')).toMatch(
      new RegExp(`repository +${scope} +sigstoreSigned +/.*/trust.pub`),
    )
    await ok('image', 'trust', 'set', '--type', 'accept', scope)
    expect(await pulled()).toBe('')
    await ok('image', 'trust', 'set', '--type', 'reject', 'default')
    const rules = JSON.parse(await ok('image', 'trust', 'show', '--json')) as object[]
    expect(rules).toEqual([
      { transport: 'all', name: '* (default)', repo_name: 'default', type: 'reject' },
      { transport: 'repository', name: scope, repo_name: scope, type: 'accept' },
    ])
    expect(JSON.parse(await ok('image', 'trust', 'show', '--raw'))).toMatchObject({ default: [{ type: 'reject' }] })
    const said = async (...args: string[]) => (await tspod('image', 'trust', 'set', ...args)).stderr
    expect(await said('-t', 'signedBy', scope)).toContain('is not implemented yet')
    expect(await said('-t', 'sigstoreSigned', scope)).toContain('must have a public key')
    expect(await said('-t', 'sigstoreSigned', '-f', '/missing', scope)).toContain('does not exist')
    await ok('untag', 'alpine', `${scope}/trusted:1`)
    execFileSync('rm', [join(box.home, '.config/containers/policy.json')])
  })

  tspodOnly()('of kinds that cannot be verified refuse the pull by name', async () => {
    for (const [requirement, word] of [
      [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }, 'signedBy'],
      [{ type: 'sigstoreSigned', fulcio: {} }, 'sigstoreSigned with fulcio'],
      [{ type: 'reject' }, 'rejects it'],
    ] as const) {
      policy(requirement)
      const { status, stderr } = await tspod('pull', '-q', `${registry}/${unique}/unsigned:1`)
      expect(status).toBe(125)
      expect(stderr).toContain(word)
    }
    write(join(box.home, '.config/containers'), 'policy.json', '{"default":[{"type":"reject"}]}')
    const archive = await tspod('load', '-i', join(process.env.TSPOD_TEST_FIXTURES ?? '', 'alpine.tar'))
    expect(archive.stderr).toContain('rejects it')
    execFileSync('rm', [join(box.home, '.config/containers/policy.json')])
  })
})

describe('artifact', () => {
  tspodOnly()('files go to a registry and come back', async () => {
    const folder = box.folder('artifact')
    write(folder, 'small', 'hello\n')
    execFileSync('sh', ['-c', `head -c 3000000 /dev/urandom > ${folder}/large`])
    const name = `${registry}/${unique}/files:1`
    const digest = await ok('artifact', 'add', '--type', 'text/x', name, join(folder, 'small'), join(folder, 'large'))
    expect((await tspod('artifact', 'add', name, join(folder, 'small'))).stderr).toContain('exists already')
    expect(await ok('artifact', 'push', '-q', name)).toBe(`sha256:${digest}`)
    await ok('artifact', 'rm', name)
    expect(await ok('artifact', 'ls', '-q')).toBe('')
    expect(await ok('artifact', 'pull', '-q', name)).toBe(digest)
    const out = box.folder('out')
    await ok('artifact', 'extract', name, out)
    expect(readFileSync(join(out, 'large')).equals(readFileSync(join(folder, 'large')))).toBe(true)
    await ok('artifact', 'extract', '--title', 'small', name, join(box.home, 'renamed'))
    expect(readFileSync(join(box.home, 'renamed'), 'utf8')).toBe('hello\n')
    expect(await ok('artifact', 'inspect', '-f', '{{.Manifest.artifactType}}', name)).toBe('text/x')
    await ok('artifact', 'rm', '--all')
  })

  tspodOnly()('a title that is a path leads nowhere else', async () => {
    const name = `${registry}/${unique}/files:2`
    write(box.home, 'evil', 'evil\n')
    await ok('artifact', 'add', name, join(box.home, 'evil'))
    await ok('artifact', 'push', '-q', name)
    const raw = skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`)
    const bad = raw.replace('"evil"', '"../../escaped"')
    const put = await fetch(`http://${registry}/v2/${unique}/files/manifests/3`, {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      body: bad,
    })
    expect(put.status).toBe(201)
    const out = box.folder('a/b/c')
    await ok('artifact', 'pull', '-q', `${registry}/${unique}/files:3`)
    await ok('artifact', 'extract', `${registry}/${unique}/files:3`, out)
    expect(existsSync(join(out, 'escaped'))).toBe(true)
    expect(existsSync(join(box.home, 'a/escaped'))).toBe(false)
    await ok('artifact', 'rm', '--all')
  })
})

describe('image', () => {
  e2e()('tree and diff show what was made on top of what', async () => {
    await ok('run', '--name', 'top', '--network', 'none', 'alpine', 'sh', '-c', 'touch /top; rm /etc/profile')
    await ok('commit', '-q', 'top', 'top:1')
    expect(await ok('image', 'tree', 'top:1')).toMatch(/├──.*alpine:latest\]\n└──.*top:1\]/)
    expect(await ok('image', 'tree', '--whatrequires', 'alpine')).toContain('localhost/top:1')
    const changes = (await ok('image', 'diff', 'top:1')).split('\n')
    expect(changes).toContain('A /top')
    expect(changes).toContain('D /etc/profile')
    await ok('rm', 'top')
  })

  tspodOnly()('mount shows files inside unshare, and only there', async () => {
    const outside = await tspod('image', 'mount', 'alpine')
    expect(outside.stderr).toContain('must execute `tspod unshare` first')
    const script = `cat $(${box.command[0]} image mount alpine)/etc/hostname; ${box.command[0]} image unmount --all`
    expect(await ok('unshare', 'sh', '-c', script)).toMatch(/^fixture\n[0-9a-f]{64}$/)
  })

  tspodOnly()('prune says what goes before it asks', async () => {
    const asked = await tspodWith({ stdin: 'n\n' }, 'image', 'prune', '--all')
    expect(asked.stdout).toMatch(/WARNING! .*\n(?:\t.*\n)*\t.*alpine:latest \(1\.\d+MB\)\n/)
    await ok('image', 'exists', 'alpine')
    await ok('image', 'prune', '--all', '--force', '--filter', 'until=1h')
    expect((await tspod('image', 'exists', 'top:1')).status).toBe(0)
    await ok('image', 'prune', '--all', '--force')
    expect(await ok('images', '-q')).toBe('')
    await ok('pull', '-q', 'alpine')
  })
})

describe('save and load', () => {
  tspodOnly()('several images in each form, and folders, keep ids and digests', async () => {
    await ok('run', '--name', 'second', '--network', 'none', 'alpine', 'touch', '/second')
    await ok('commit', '-q', 'second', 'second:1')
    await ok('rm', 'second')
    const facts = async () => await ok('image', 'inspect', '-f', '{{.Id}}', 'alpine', 'second:1')
    const before = await facts()
    const archive = join(box.home, 'both.tar')
    await ok('save', '-q', '-m', '-o', archive, 'alpine', 'second:1')
    await ok('rmi', 'second:1', 'alpine')
    expect(await ok('load', '-q', '-i', archive)).toContain('localhost/second:1')
    expect(await facts()).toBe(before)
    for (const format of ['oci-dir', 'docker-dir']) {
      const folder = join(box.home, format)
      await ok('save', '-q', '--format', format, '-o', folder, 'second:1')
      const id = await ok('image', 'inspect', '-f', '{{.Id}}', 'second:1')
      await ok('rmi', 'second:1')
      await ok('load', '-q', '-i', folder)
      await ok('image', 'exists', id)
      await ok('tag', id, 'second:1')
    }
    await ok('rmi', '-f', 'second:1')
  })
})
