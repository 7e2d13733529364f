// Pulls from the reference implementation of a registry, with TLS and passwords, of images that another tool pushed. Host namespaces.
import { expect } from 'bun:test'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { writeBlob } from '#image/blobs.ts'
import { ensureLayout, writeIndex } from '#image/layout.ts'
import { formatManifest } from '#oci/manifest.ts'
import { ociManifest } from '#oci/media-types.ts'
import { needs } from '#test/needs.ts'
import { digestOfText } from './fake-registry.ts'
import { failureOf, PullSetup, tarOf } from './pull-setup.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The program with TLS and one user `me`, password `pw`; its authority's certificate is `ca.crt` of the folder `trust`. */
async function openRegistry(setup: PullSetup): Promise<{ host: string; trust: string; child: ChildProcess }> {
  const trust = join(setup.folder, 'trust')
  mkdirSync(trust)
  const openssl = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = spawnSync('openssl', [...openssl, '-keyout', '../tls.key', '-out', 'ca.crt', ...names], { cwd: trust })
  if (made.status !== 0) throw new Error(String(made.stderr))
  const host = `127.0.0.1:${await freePort()}`
  setup.write('htpasswd', `me:${await Bun.password.hash('pw', { algorithm: 'bcrypt', cost: 4 })}\n`)
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(setup.folder, 'registry') } },
    http: { addr: host, tls: { certificate: join(trust, 'ca.crt'), key: join(setup.folder, 'tls.key') } },
    auth: { htpasswd: { realm: 'test', path: join(setup.folder, 'htpasswd') } },
  }
  const { REGISTRY_AUTH_FILE: _ours, ...env } = process.env // it reads such names as settings of its own
  const child = spawn('docker-registry', ['serve', setup.write('config.yml', JSON.stringify(settings))], {
    stdio: 'ignore',
    env,
  })
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`https://${host}/v2/`, { tls: { rejectUnauthorized: false } }).catch(() => undefined)
    if (answer !== undefined) return { host, trust, child }
    await Bun.sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error('the registry does not answer')
}

/** A layout with one image, `latest`, of two layers. */
function writeLayout(folder: string): void {
  mkdirSync(folder)
  ensureLayout(folder)
  const tars = ['a', 'b'].map(name => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'file'), tarOf(20_000))
    const { stdout } = spawnSync('tar', ['-C', join(folder, name), '-c', '.'], { maxBuffer: 1 << 24 })
    return stdout
  })
  const put = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: writeBlob(folder, bytes),
    size: bytes.byteLength,
  })
  const rootfs = { type: 'layers', diff_ids: tars.map(digestOfText) }
  const config = put(
    Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs })),
    'application/vnd.oci.image.config.v1+json',
  )
  const layers = tars.map(tar => put(tar, 'application/vnd.oci.image.layer.v1.tar'))
  const manifest = put(Buffer.from(formatManifest({ config, layers })), ociManifest)
  writeIndex(folder, [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }])
}

needs('registry-program', 'skopeo')(
  'images that skopeo pushed in each format and compression are pulled, verified and readable by skopeo again',
  async () => {
    using setup = new PullSetup()
    const { host, trust, child } = await openRegistry(setup)
    try {
      const formats = [
        ['oci-zstd', '--format=oci', '--dest-compress-format=zstd'],
        ['oci-gzip', '--format=oci', '--dest-compress-format=gzip'],
        ['docker', '--format=v2s2'],
      ]
      for (const [tag = '', ...options] of formats) {
        const layout = join(setup.folder, `layout-${tag}`)
        writeLayout(layout) // of its own: skopeo would reuse layers that it has packed before
        const copy = ['copy', '-q', '--insecure-policy', '--dest-tls-verify=false', '--dest-creds=me:pw', ...options]
        const pushed = spawnSync('skopeo', [...copy, `oci:${layout}:latest`, `docker://${host}/x:${tag}`])
        expect(String(pushed.stderr)).toBe('')
        const { image } = await setup.pull(`${host}/x:${tag}`, {
          tlsVerify: true,
          certDir: trust,
          credentials: 'me:pw',
        })
        expect(image.names).toContain(`${host}/x:${tag}`)
      }
      expect(setup.layers.committed.size).toBe(6)
      expect(setup.files('tmp/partial')).toEqual([])
      const inspect = spawnSync('skopeo', ['inspect', '--raw', `oci:${setup.store.root}:${host}/x:oci-zstd`])
      expect(String(inspect.stdout)).toContain('tar+zstd')
      const wrong = await failureOf(
        setup.pull(`${host}/x:docker`, { tlsVerify: true, certDir: trust, credentials: 'me:no' }),
      )
      expect(wrong).toMatchObject({ code: 'DENIED', message: expect.stringContaining('unauthorized') })
      const unknown = await failureOf(
        setup.pull(`${host}/x:9`, { tlsVerify: true, certDir: trust, credentials: 'me:pw' }),
      )
      expect(unknown).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('manifest unknown') })
      expect(readFileSync(join(setup.store.root, 'oci-layout'), 'utf8')).toContain('1.0.0')
    } finally {
      child.kill('SIGKILL')
    }
  },
  30_000,
)
