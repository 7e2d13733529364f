// TLS and proxies on the way to a registry. Host namespaces.
import { expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { FakeRegistry } from './fake-registry.ts'
import { failureOf, PullSetup, tarOf } from './pull-setup.ts'

const withOpenssl = Bun.which('openssl') === null ? test.skip : test

/** An authority, a server's certificate for 127.0.0.1, a client's: `ca.crt`, `server.crt`, `server.key`, `client.cert`, `client.key`. */
function makeCertificates(folder: string): void {
  mkdirSync(folder)
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
  }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test authority')
  const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2']
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE']
  openssl('req', '-x509', ...key, ...ca, '-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=server', ...names)
  openssl(
    'req',
    '-x509',
    ...key,
    ...ca,
    '-keyout',
    'client.key',
    '-out',
    'client.cert',
    '-subj',
    '/CN=client',
    ...names,
  )
}

/** TLS in front of a registry; `wantsClient`: it refuses whoever shows no certificate. */
async function openFront(registry: FakeRegistry, certs: string, wantsClient = false) {
  const read = (name: string) => readFileSync(join(certs, name))
  const options = { cert: read('server.crt'), key: read('server.key'), ca: read('ca.crt') }
  const [host, port] = registry.host.split(':')
  const server = createSecureServer(
    { ...options, requestCert: wantsClient, rejectUnauthorized: wantsClient },
    (incoming, outgoing) => {
      const onward = httpRequest(
        { host, port, path: incoming.url, method: incoming.method, headers: incoming.headers },
        answer => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
        },
      )
      onward.end()
    },
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

withOpenssl('a certificate is trusted through --cert-dir, the system bundle, or not at all', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  const certs = join(setup.folder, 'certs')
  makeCertificates(certs)
  using front = await openFront(registry, certs)
  const name = `${front.host}/x`
  const untrusted = await failureOf(setup.pull(name, { tlsVerify: true }))
  expect(untrusted).toMatchObject({ code: 'DENIED', message: expect.stringContaining('certificate is not trusted') })
  const folder = join(setup.folder, 'only-authority')
  mkdirSync(folder)
  setup.write('only-authority/ca.crt', readFileSync(join(certs, 'ca.crt'), 'utf8'))
  expect((await setup.pull(name, { tlsVerify: true, certDir: folder })).isFetched).toBe(true)
  process.env.SSL_CERT_FILE = join(certs, 'ca.crt')
  expect((await setup.pull(name, { tlsVerify: true })).isFetched).toBe(true)
  delete process.env.SSL_CERT_FILE
  expect((await setup.pull(name, { tlsVerify: false })).isFetched).toBe(true)
})

withOpenssl('a client certificate is shown where the registry wants one', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  const certs = join(setup.folder, 'certs')
  makeCertificates(certs)
  using front = await openFront(registry, certs, true)
  const folder = join(setup.folder, 'client')
  mkdirSync(folder)
  setup.write('client/ca.crt', readFileSync(join(certs, 'ca.crt'), 'utf8'))
  await failureOf(setup.pull(`${front.host}/x`, { tlsVerify: true, certDir: folder, retries: 0 }))
  for (const name of ['client.cert', 'client.key'])
    setup.write(`client/${name}`, readFileSync(join(certs, name), 'utf8'))
  expect((await setup.pull(`${front.host}/x`, { tlsVerify: true, certDir: folder })).isFetched).toBe(true)
})

test('a registry that speaks plain HTTP is refused unless that is allowed', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const error = await failureOf(setup.pull(`${registry.host}/x`, { tlsVerify: true }))
  expect(error).toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringContaining('--tls-verify=false') })
})

/** A proxy for plain HTTP and CONNECT that sends everything to one host, and wants a password. */
async function openProxy(target: string) {
  const lines: string[] = []
  const [host = '', port = ''] = target.split(':')
  const isRight = (header: string | undefined) => header === `Basic ${btoa('u:p@ss')}`
  const server = createServer((incoming, outgoing) => {
    lines.push(`${incoming.method} ${incoming.url} ${isRight(incoming.headers['proxy-authorization'])}`)
    const { pathname } = new URL(incoming.url ?? '')
    const headers = { ...incoming.headers, host: target }
    httpRequest({ host, port, path: pathname, method: incoming.method, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    }).end()
  })
  const tunnels: Socket[] = []
  server.on('connect', (incoming, socket: Socket) => {
    lines.push(`CONNECT ${incoming.url} ${isRight(incoming.headers['proxy-authorization'])}`)
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    tunnels.push(socket, onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://u:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    for (const tunnel of tunnels) tunnel.destroy()
    server.closeAllConnections()
    server.close()
  }
  return { url, lines, [Symbol.dispose]: close }
}

test('plain HTTP goes through http_proxy with its password, and not where no_proxy says so', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  using proxy = await openProxy(registry.host)
  process.env.http_proxy = proxy.url
  await setup.pull('registry.test:81/x', { tlsVerify: false })
  expect(proxy.lines).toContain('GET http://registry.test:81/v2/x/manifests/latest true')
  expect(process.env.http_proxy).toBe(proxy.url) // taken away only for the moment of a request
  process.env.NO_PROXY = '.test'
  expect((await failureOf(setup.pull('registry.test:81/x', { tlsVerify: false, retries: 0 }))).message).toContain(
    'no such host',
  )
})

withOpenssl('TLS goes through a tunnel of HTTPS_PROXY', async () => {
  using setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  registry.putImage('x', 'latest', [tarOf(10)])
  const certs = join(setup.folder, 'certs')
  makeCertificates(certs)
  using front = await openFront(registry, certs)
  using proxy = await openProxy(front.host)
  process.env.HTTPS_PROXY = proxy.url
  await setup.pull('registry.test:444/x', { tlsVerify: false })
  expect(proxy.lines[0]).toBe('CONNECT registry.test:444 true')
})
