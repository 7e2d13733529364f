// login and logout: passwords for registries, tried before they are kept.
import { type Credentials, findCredentials } from '#config/auth.ts'
import { forgetCredentials, storeCredentials } from '#config/auth-store.ts'
import { openRegistries } from '#config/registries.ts'
import type { LoginRequest, LoginState, LogoutRequest, RegistryOptions } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { RegistrySession } from '#image/registry/session.ts'
import { parseReference } from '#oci/reference.ts'
import { registryAccess } from './registry-access.ts'

/** The registry that a user means: the first of the search list where none is named. Throws INVALID. */
export async function loginRegistry(name: string | undefined): Promise<string> {
  if (name !== undefined) return parseRegistryName(name)
  const [first] = (await openRegistries()).search
  if (first === undefined)
    throw new TspodError('INVALID', 'no registry is named, and registries.conf lists none to search', {
      hint: 'tspod login REGISTRY',
    })
  return first
}

/** Who is logged in; `undefined` for nobody. */
export async function findLogin(registry: string, { authFile }: RegistryOptions): Promise<LoginState | undefined> {
  const found = await knownCredentials(registry, authFile)
  return found && { username: found.username, from: found.from }
}

/** True where the credentials that are kept still serve; false where the registry refuses them. */
export async function tryLogin(registry: string, options: RegistryOptions): Promise<boolean> {
  try {
    await checkCredentials(registry, options)
    return true
  } catch (error) {
    if (hasCode(error, 'DENIED')) return false
    throw error
  }
}

/** The verb: tries the password, then keeps it. Throws DENIED where the registry refuses it. Returns where it is kept. */
export async function loginRegistryWith(registry: string, request: LoginRequest): Promise<{ storedIn: string }> {
  const { username, password, ...options } = request
  await checkCredentials(registry, { ...options, credentials: `${username}:${password}` })
  const helpers = (await openRegistries()).credentialHelpers
  const storedIn = await storeCredentials(registry, { username, password }, { authFile: options.authFile, helpers })
  return { storedIn }
}

/** The verb: forgets a registry's password, or all. Throws NOT_FOUND where there is none. */
export async function logoutRegistry(registry: string | undefined, { authFile }: LogoutRequest): Promise<void> {
  const { credentialHelpers: helpers } = await openRegistries()
  if (await forgetCredentials(registry, { authFile, helpers })) return
  if (registry === undefined) return
  const other = await knownCredentials(registry, authFile)
  throw new TspodError('NOT_FOUND', `not logged into ${registry}`, {
    hint: other === undefined ? undefined : `there are credentials in ${other.from}, which another tool has written`,
  })
}

async function knownCredentials(registry: string, authFile: string | undefined): Promise<Credentials | undefined> {
  const { credentialHelpers: helpers } = await openRegistries()
  return await findCredentials(registry, { authFile, helpers })
}

/** Asks for the registry's root, as the protocol has it (distribution-spec, "Determining Support"). */
async function checkCredentials(registry: string, options: RegistryOptions): Promise<void> {
  const engine = await openEngine()
  const access = await registryAccess(engine, parseReference(`${registry}/x`), options)
  const session = new RegistrySession({
    ...access.options,
    findCredentials: async () =>
      options.credentials === undefined
        ? await knownCredentials(registry, options.authFile)
        : await access.options.findCredentials(),
    registry: access.reference.registry,
  })
  const doing = `logging into "${registry}"`
  const response = await session.request({ method: 'GET', path: '/v2/', headers: {}, scope: '', doing })
  await response.discard()
}

/** `quay.io`, `quay.io/someone`, `https://quay.io/`. Throws INVALID. */
export function parseRegistryName(text: string): string {
  const name = text.replace(/^(https?|docker):\/\//, '').replace(/\/+$/, '')
  const plain = name.replace(/\/v[12]$/, '')
  try {
    parseReference(`${plain}/x`)
  } catch (error) {
    throw new TspodError('INVALID', `"${text}" is not a registry's host[:port], or a path on one`, { cause: error })
  }
  return plain === 'index.docker.io' || plain === 'registry-1.docker.io' ? 'docker.io' : plain
}
