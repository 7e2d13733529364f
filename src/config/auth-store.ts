// Remembers and forgets credentials: in auth.json (containers-auth.json(5)), or by the credential helper that is set for a registry.
import { existsSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { type AuthFile, authKey, parseAuthFile } from './auth.ts'
import { eraseSecret, storeSecret } from './credential-helper.ts'

export interface StorePlace {
  /** `--authfile` */
  authFile?: string
  /** registries.conf's credential-helpers */
  helpers?: readonly string[]
}

/** Where `login` writes: `--authfile`, $REGISTRY_AUTH_FILE, the runtime folder's file, or, where there is no such folder, that in ~/.config. */
export function writableAuthFile(authFile: string | undefined): string {
  const named = authFile ?? process.env.REGISTRY_AUTH_FILE
  if (named !== undefined && named !== '') return resolve(named)
  const runtime = process.env.XDG_RUNTIME_DIR
  const config = configHome()
  const base = runtime?.startsWith('/') ? runtime : config
  if (base === undefined)
    throw new TspodError('NOT_FOUND', 'there is neither $XDG_RUNTIME_DIR nor a home folder to keep credentials in', {
      hint: 'name a file with --authfile',
    })
  return join(base, 'containers/auth.json')
}

/** Remembers a password for `registry[/path]`. Returns where: a file's path or a program's name. */
export async function storeCredentials(
  name: string,
  { username, password }: { username: string; password: string },
  place: StorePlace,
): Promise<string> {
  const path = writableAuthFile(place.authFile)
  const file = readAuthFile(path)
  const helper = helperFor(name, file, place)
  if (helper !== undefined) {
    await storeSecret(helper, serverOf(name), { username, password })
    return `docker-credential-${helper}`
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64')
  await editAuthFile(path, auths => ({ ...without(auths, name), [authKey(name)]: { auth } }))
  return path
}

/** Forgets what `storeCredentials` remembered, or everything; true where there was something. */
export async function forgetCredentials(name: string | undefined, place: StorePlace): Promise<boolean> {
  const path = writableAuthFile(place.authFile)
  const file = readAuthFile(path)
  const names = name === undefined ? Object.keys(file.credHelpers) : [name]
  let isForgotten = false
  for (const each of names) {
    const helper = helperFor(each, file, place)
    if (helper !== undefined && (await eraseSecret(helper, serverOf(each)))) isForgotten = true
  }
  const known = Object.keys(file.auths).filter(key => name === undefined || authKey(key) === authKey(name))
  if (known.length === 0) return isForgotten
  await editAuthFile(path, auths => (name === undefined ? {} : without(auths, name)))
  return true
}

/** The file's entries; none where it does not exist. Throws INVALID. */
function readAuthFile(path: string): AuthFile {
  try {
    return existsSync(path) ? parseAuthFile(readFileSync(path, 'utf8'), path) : { auths: {}, credHelpers: {} }
  } catch (error) {
    throw error instanceof TspodError ? error : during(`reading the credentials in "${path}"`, error)
  }
}

/** The program that keeps a registry's password instead of the file. */
function helperFor(name: string, file: AuthFile, { helpers = [] }: StorePlace): string | undefined {
  const host = authKey(name).split('/')[0]
  const own = Object.entries(file.credHelpers).find(([key]) => authKey(key) === host)?.[1]
  const [first] = helpers
  return own ?? (first === undefined || first === 'containers-auth.json' ? file.credsStore : first)
}

const serverOf = (name: string): string => {
  const host = authKey(name).split('/')[0] ?? ''
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host
}

function without(auths: AuthFile['auths'], name: string): AuthFile['auths'] {
  return Object.fromEntries(Object.entries(auths).filter(([key]) => authKey(key) !== authKey(name)))
}

/** Changes the entries and nothing else of the file, in one step, for its owner's eyes only; two logins at once both count. */
async function editAuthFile(path: string, edit: (auths: AuthFile['auths']) => AuthFile['auths']): Promise<void> {
  const { withFileLock } = await import('#sys/lock.ts')
  const unfinished = `${path}.${process.pid}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    await withFileLock(join(dirname(path), '.auth.json.lock'), () => {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
      const { auths } = parseAuthFile(text, path)
      const whole = text.trim() === '' ? {} : (JSON.parse(text) as object)
      writeFileSync(unfinished, `${JSON.stringify({ ...whole, auths: edit(auths) }, undefined, '\t')}\n`, {
        mode: 0o600,
        flag: 'wx',
      })
      renameSync(unfinished, path)
    })
  } catch (error) {
    if (existsSync(unfinished)) unlinkSync(unfinished)
    throw error instanceof TspodError ? error : during(`writing the credentials to "${path}"`, error)
  }
}
