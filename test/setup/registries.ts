// Three registries on the loopback device for the time of a test run: plain, with a password, with TLS from a CA of our own.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const registryUser = { name: 'tester', password: 'open-sesame' }

export interface Registries extends AsyncDisposable {
  /** What the tests read: addresses, the CA, the registries.conf. */
  environment: Record<string, string>
}

/** Starts the registries with data below `work` and pushes every `<name>.oci` of `fixtures` as library/<name>:latest. */
export async function startRegistries(work: string, fixtures: string): Promise<Registries> {
  mkdirSync(work, { recursive: true })
  const { name, password } = registryUser
  writeFileSync(
    join(work, 'htpasswd'),
    `${name}:${await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 5 })}\n`,
  )
  makeCertificates(work)
  await using running = new AsyncDisposableStack()
  const start = async (kind: string, more: object, http: object) => {
    const port = freePort()
    const config = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(work, kind) }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}`, ...http },
      ...more,
    }
    const file = join(work, `${kind}.json`)
    writeFileSync(file, JSON.stringify(config)) // JSON is YAML
    const stderr = Bun.file(join(work, `${kind}.log`))
    const server = Bun.spawn(['docker-registry', 'serve', file], { stdin: 'ignore', stdout: 'ignore', stderr })
    running.defer(async () => {
      server.kill('SIGKILL')
      await server.exited
    })
    await untilItListens(port, `registry "${kind}"`)
    return port
  }
  const plain = `127.0.0.1:${await start('plain', {}, {})}`
  const auth = await start('auth', { auth: { htpasswd: { realm: 'tests', path: join(work, 'htpasswd') } } }, {})
  const tls = await start('tls', {}, { tls: { certificate: join(work, 'server.crt'), key: join(work, 'server.key') } })
  for (const layout of readdirSync(fixtures).filter(entry => entry.endsWith('.oci'))) {
    const image = `library/${layout.slice(0, -'.oci'.length)}:latest`
    const push = (to: string, ...options: string[]) =>
      execFileSync('skopeo', [
        '--insecure-policy',
        'copy',
        '-q',
        '--dest-tls-verify=false',
        ...options,
        `oci:${join(fixtures, layout)}:latest`,
        `docker://${to}/${image}`,
      ])
    push(plain)
    push(`127.0.0.1:${auth}`, '--dest-creds', `${name}:${password}`)
    push(`localhost:${tls}`)
  }
  const conf = join(work, 'registries.conf')
  writeFileSync(conf, registriesConf(plain, `127.0.0.1:${auth}`))
  const stack = running.move()
  return {
    environment: {
      TSPOD_TEST_REGISTRY: plain,
      TSPOD_TEST_REGISTRY_AUTH: `127.0.0.1:${auth}`,
      TSPOD_TEST_REGISTRY_TLS: `localhost:${tls}`,
      TSPOD_TEST_CA: join(work, 'ca.crt'),
      TSPOD_TEST_REGISTRIES_CONF: conf,
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** `alpine` means docker.io/library/alpine as for everyone, and docker.io has a mirror here: the plain registry. */
function registriesConf(plain: string, auth: string): string {
  return `unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "${plain}"
insecure = true

[[registry]]
location = "${plain}"
insecure = true

[[registry]]
location = "${auth}"
insecure = true
`
}

function makeCertificates(work: string): void {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=test CA')
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  writeFileSync(join(work, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    'names',
    '-out',
    'server.crt',
  )
}

function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  listener.stop(true)
  return listener.port
}

async function untilItListens(port: number, what: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
      socket.end()
      return
    } catch (error) {
      if (tries === 200) throw new Error(`${what} does not listen on port ${port} after 10 s`, { cause: error })
      await Bun.sleep(50)
    }
  }
}
