// Whom a TLS connection trusts: the machine's certificates, plus a registry's own folder (containers-certs.d(5)). Host namespaces.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { log } from '#log.ts'

export interface Trust {
  /** PEM certificates of authorities; `undefined`: those built into the runtime, where the machine has none. */
  ca?: string[]
  /** The client's own certificate and key, PEM. */
  cert?: string
  key?: string
}

/** Where distributions keep all authorities in one file; the first that exists counts (Go's crypto/x509, root_linux.go). */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
const folders = ['/etc/ssl/certs', '/etc/pki/tls/certs']
const pemForm = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g

/** The authorities this machine trusts: $SSL_CERT_FILE or its bundle, and $SSL_CERT_DIR or its folders. Unreadable files are passed over. */
export function systemCertificates(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const file = env.SSL_CERT_FILE || bundles.find(path => existsSync(path))
  const places = env.SSL_CERT_DIR ? env.SSL_CERT_DIR.split(':').filter(path => path !== '') : folders
  const certificates = new Set<string>()
  const add = (path: string) => {
    for (const [certificate] of readText(path).matchAll(pemForm)) certificates.add(certificate)
  }
  if (file !== undefined) add(file)
  // the names made of a hash are links to files beside them
  for (const folder of places)
    for (const name of listFolder(folder)) if (!/^[0-9a-f]{8}\.r?\d+$/.test(name)) add(join(folder, name))
  return [...certificates]
}

/**
 * Trust for a registry `host[:port]`: the machine's, and `*.crt` (authorities), `*.cert` with `*.key` (client) of `certDir` or of
 * its folder in certs.d. Throws INVALID for half a pair.
 */
export function trustFor(registry: string, certDir?: string): Trust {
  const ca = systemCertificates()
  const folder = certDir ?? registryFolder(registry)
  const trust: Trust = {}
  if (folder !== undefined) Object.assign(trust, readCertFolder(folder, ca))
  return { ...trust, ...(ca.length === 0 ? {} : { ca }) }
}

function registryFolder(registry: string): string | undefined {
  const config = configHome()
  const bases = [config && join(config, 'containers/certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d']
  return bases.map(base => base && join(base, registry)).find(path => path !== undefined && existsSync(path))
}

/** Adds a folder's authorities to `ca`; returns its client certificate. */
function readCertFolder(folder: string, ca: string[]): Pick<Trust, 'cert' | 'key'> {
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch (error) {
    throw during(`reading the certificates in "${folder}"`, error)
  }
  const read = (name: string) => {
    try {
      return readFileSync(join(folder, name), 'utf8')
    } catch (error) {
      throw during(`reading the certificate "${join(folder, name)}"`, error)
    }
  }
  for (const name of names) if (name.endsWith('.crt')) ca.push(read(name))
  const pairs = names.filter(name => name.endsWith('.cert')).map(name => name.slice(0, -'.cert'.length))
  for (const name of names)
    if (name.endsWith('.key') && !pairs.includes(name.slice(0, -'.key'.length)))
      throw new TspodError(
        'INVALID',
        `"${join(folder, name)}" has no certificate "${name.replace(/key$/, 'cert')}" beside it`,
        {
          hint: "a certificate of an authority ends in .crt, a client's own in .cert",
        },
      )
  const [pair, second] = pairs
  if (pair === undefined) return {}
  if (second !== undefined)
    throw new TspodError('UNSUPPORTED', `"${folder}" has ${pairs.length} client certificates, must have at most one`)
  if (!names.includes(`${pair}.key`))
    throw new TspodError('INVALID', `"${join(folder, `${pair}.cert`)}" has no key "${pair}.key" beside it`)
  return { cert: read(`${pair}.cert`), key: read(`${pair}.key`) }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // a machine without this folder keeps its certificates elsewhere
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    log.debug(`certificates: leaving out "${path}": ${error instanceof Error ? error.message : String(error)}`)
    return ''
  }
}
