// Credentials for registries: auth.json, docker's config.json, and credential helpers (containers-auth.json(5), docker-credential protocol).
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { homeFolder, hostUser } from '#host/user.ts'
import { isMapOf, isObject, isString } from '#oci/json-shape.ts'
import { parseJson } from '#oci/manifest.ts'
import { readSecret } from './credential-helper.ts'

/** Who to be at a registry, and where that was found (never print more than `username` and `from`). */
export interface Credentials {
  username: string
  password: string
  /** An OAuth2 refresh token, in place of a password. */
  identityToken?: string
  /** `--creds`, a file, or a helper: for error texts. */
  from: string
}

export interface CredentialOptions {
  /** `--creds`: `user[:password]` */
  credentials?: string
  /** `--authfile`: read in place of all files */
  authFile?: string
  /** registries.conf's credential-helpers */
  helpers?: readonly string[]
}

/** One credentials file. */
export interface AuthFile {
  auths: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>
  credHelpers: Record<string, string>
  credsStore?: string
}

const entry = isObject({}, { auth: isString, username: isString, password: isString, identitytoken: isString })
const fileShape = isObject({}, { auths: isMapOf(entry), credHelpers: isMapOf(isString), credsStore: isString })

/** docker's old names of its registry. */
const hubNames = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** What is known for a repository (`quay.io/someone/tool`); `undefined` means anonymous. Throws INVALID for a bad file. */
export async function findCredentials(
  repository: string,
  options: CredentialOptions,
): Promise<Credentials | undefined> {
  if (options.credentials !== undefined) return parseCredentialsOption(options.credentials)
  for (const helper of options.helpers ?? ['containers-auth.json']) {
    const found =
      helper === 'containers-auth.json'
        ? await fromFiles(repository, options.authFile)
        : await readSecret(helper, hostOf(repository))
    if (found !== undefined) return found
  }
  return undefined
}

/** `user:password`; the password may have colons and may be empty. Throws INVALID. */
export function parseCredentialsOption(text: string): Credentials {
  const colon = text.indexOf(':')
  const username = colon === -1 ? text : text.slice(0, colon)
  if (username === '') throw new TspodError('INVALID', '--creds has no user name, must be USER:PASSWORD')
  return { username, password: colon === -1 ? '' : text.slice(colon + 1), from: '--creds' }
}

/** Checks a file's text; `isOld` is docker's .dockercfg, which holds the entries alone. */
export function parseAuthFile(text: string, path: string, isOld = false): AuthFile {
  const value = text.trim() === '' ? {} : parseJson(text, `"${path}"`)
  const file = isOld ? { auths: value } : value
  fileShape(file, `"${path}"`)
  const { auths = {}, credHelpers = {}, credsStore } = file as Partial<AuthFile>
  return { auths, credHelpers, credsStore: credsStore === '' ? undefined : credsStore }
}

/** The entry of a file that serves a repository: the longest path, then the registry. Keys may be docker's URLs. */
export function lookupAuth(file: AuthFile, repository: string, path: string): Credentials | undefined {
  const keys = new Map(Object.keys(file.auths).map(key => [authKey(key), key]))
  for (let name = authKey(repository); ; name = name.slice(0, name.lastIndexOf('/'))) {
    const key = keys.get(name)
    const found = key === undefined ? undefined : decode(file.auths[key] ?? {}, `"${path}": auths["${key}"]`, path)
    if (found !== undefined) return found
    if (!name.includes('/')) return undefined
  }
}

async function fromFiles(repository: string, authFile: string | undefined): Promise<Credentials | undefined> {
  for (const { path, isOld, mustExist } of authFiles(authFile)) {
    if (!mustExist && !existsSync(path)) continue
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      throw during(`reading the credentials in "${path}"`, error)
    }
    const file = parseAuthFile(text, path, isOld)
    const host = hostOf(repository)
    const helper = Object.entries(file.credHelpers).find(([key]) => authKey(key) === host)?.[1]
    const found =
      helper !== undefined
        ? await readSecret(helper, host)
        : (lookupAuth(file, repository, path) ??
          (file.credsStore && (await readSecret(file.credsStore, serverUrl(host)))))
    if (found) return found
  }
  return undefined
}

/** The files in the order in which they are asked; one that was named must exist. */
function authFiles(authFile: string | undefined): { path: string; isOld: boolean; mustExist: boolean }[] {
  const named = authFile ?? process.env.REGISTRY_AUTH_FILE
  if (named !== undefined && named !== '') return [{ path: named, isOld: false, mustExist: true }]
  const { XDG_RUNTIME_DIR: runtime, DOCKER_CONFIG: docker } = process.env
  const user = hostUser()
  const home = homeFolder()
  const config = configHome()
  const paths = [
    runtime?.startsWith('/') ? join(runtime, 'containers/auth.json') : `/run/containers/${user.uid}/auth.json`,
    config && join(config, 'containers/auth.json'),
    docker ? join(docker, 'config.json') : home && join(home, '.docker/config.json'),
  ].filter(path => path !== undefined)
  const files = paths.map(path => ({ path, isOld: false, mustExist: false }))
  return home === undefined ? files : [...files, { path: join(home, '.dockercfg'), isOld: true, mustExist: false }]
}

function decode(entry: AuthFile['auths'][string], place: string, from: string): Credentials | undefined {
  const { auth, identitytoken } = entry
  let { username = '', password = '' } = entry
  if (auth !== undefined && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString().replace(/\0+$/, '')
    const colon = text.indexOf(':')
    if (colon === -1) throw new TspodError('INVALID', `${place}.auth is not base64 of "user:password"`)
    username = text.slice(0, colon)
    password = text.slice(colon + 1)
  }
  if (identitytoken !== undefined && identitytoken !== '')
    return { username, password: '', identityToken: identitytoken, from }
  return username === '' ? undefined : { username, password, from }
}

/** A key of the file as names of images have it: `https://index.docker.io/v1/` is docker.io. */
export function authKey(key: string): string {
  const name = key.replace(/^https?:\/\//, '').replace(/\/+$/, '')
  const [host = '', ...path] = name.split('/')
  if (hubNames.includes(host)) return ['docker.io', ...path.filter(part => !/^v[12]$/.test(part))].join('/')
  return key.includes('://') ? host : name
}

const hostOf = (repository: string): string => authKey(repository).split('/')[0] ?? ''
const serverUrl = (host: string): string => (host === 'docker.io' ? 'https://index.docker.io/v1/' : host)
