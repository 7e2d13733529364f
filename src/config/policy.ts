// policy.json: which images may be used at all, and which must be signed by whom (containers-policy.json(5)). Verifying is
// image/signature/verify.ts's; what it cannot verify is refused here, by name.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { parseJson } from '#oci/manifest.ts'
import { formatReference, type Reference } from '#oci/reference.ts'

const requirementTypes = ['insecureAcceptAnything', 'reject', 'signedBy', 'sigstoreSigned'] as const

export interface PolicyRequirement {
  type: (typeof requirementTypes)[number]
  /** of sigstoreSigned */
  signed?: SignedRequirement
}

/** A signature by one of these keys, for this identity. */
export interface SignedRequirement {
  /** files, or keys themselves as PEM */
  keyPaths: string[]
  keyData: string[]
  identity: SignedIdentity
  /** parts of it that are not verified here: it refuses every image, by name */
  unsupported: string[]
}

/** Which name a signature must be for. */
export type SignedIdentity =
  | { type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { type: 'exactReference'; dockerReference: string }
  | { type: 'exactRepository'; dockerRepository: string }
  | { type: 'remapIdentity'; prefix: string; signedPrefix: string }

export interface Policy {
  /** The file, for error texts. */
  path: string
  default: PolicyRequirement[]
  /** By transport (`docker`, `docker-archive`, …), then by scope; `''` is the transport's default. */
  transports: Record<string, Record<string, PolicyRequirement[]>>
}

/** The user's policy, else the machine's; `undefined` where there is none, and then every image may be used. Throws INVALID. */
export function openPolicy(): Policy | undefined {
  const base = hostUser().isRoot ? undefined : configHome()
  const own = base === undefined ? [] : [join(base, 'containers/policy.json')]
  const path = [...own, '/etc/containers/policy.json', '/usr/share/containers/policy.json'].find(each =>
    existsSync(each),
  )
  if (path === undefined) return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading "${path}"`, error)
  }
  return parsePolicy(text, path)
}

/** Strict, as the format demands: an unknown key makes the whole file invalid. Throws INVALID. */
export function parsePolicy(text: string, path: string): Policy {
  const file = objectAt(parseJson(text, `"${path}"`), `"${path}"`, ['default', 'transports'])
  if (file.default === undefined) throw new TspodError('INVALID', `"${path}" has no "default"`)
  const transports: Policy['transports'] = {}
  for (const [transport, scopes] of Object.entries(objectAt(file.transports ?? {}, `"${path}": transports`))) {
    const place = `"${path}": transports.${transport}`
    transports[transport] = {}
    for (const [scope, list] of Object.entries(objectAt(scopes, place)))
      transports[transport][scope] = requirementsAt(list, `${place}["${scope}"]`)
  }
  return { path, default: requirementsAt(file.default, `"${path}": default`), transports }
}

/** The scopes of a registry's image, most specific first. */
export function dockerScopes(reference: Reference): string[] {
  const full = formatReference(reference)
  const scopes = [full]
  let path = `${reference.registry}/${reference.repository}`
  for (; path.includes('/'); path = path.slice(0, path.lastIndexOf('/'))) scopes.push(path)
  scopes.push(path)
  let host = reference.registry.replace(/:[0-9]+$/, '')
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.')) {
    host = host.slice(dot + 1)
    scopes.push(`*.${host}`)
  }
  return scopes
}

/** The scopes of an archive or folder: its absolute path, then the folders above. */
export function pathScopes(path: string): string[] {
  const scopes = [path]
  for (let folder = path; folder.lastIndexOf('/') > 0; )
    scopes.push((folder = folder.slice(0, folder.lastIndexOf('/'))))
  return scopes
}

/** What a policy demands of an image. */
export interface Demand {
  signatures: SignedRequirement[]
  /** the policy's file, and where in it: for error texts */
  rule: string
}

/**
 * Throws DENIED where the policy rejects the image, UNSUPPORTED where it demands what cannot be verified; else gives the signatures
 * it demands, all of which the image must have.
 */
export function checkPolicy(
  policy: Policy | undefined,
  transport: string,
  scopes: readonly string[],
  name: string,
): Demand {
  if (policy === undefined) return { signatures: [], rule: '' }
  const table = policy.transports[transport]
  const scope = [...scopes, ''].find(each => table?.[each] !== undefined)
  const requirements = (scope === undefined ? undefined : table?.[scope]) ?? policy.default
  const rule = scope === undefined ? 'default' : `transports.${transport}["${scope}"]`
  const signatures: SignedRequirement[] = []
  for (const { type, signed } of requirements) {
    if (type === 'reject') throw new TspodError('DENIED', `using "${name}": "${policy.path}" rejects it (${rule})`)
    if (type === 'insecureAcceptAnything') continue
    const lacking = signed === undefined ? [type] : signed.unsupported
    if (transport !== 'docker' && signed !== undefined) lacking.push(`sigstoreSigned for ${transport}:`)
    if (signed === undefined || lacking.length > 0)
      throw new TspodError(
        'UNSUPPORTED',
        `using "${name}": "${policy.path}" demands a signature (${rule}: ${lacking.join(', ')})`,
        { hint: 'signatures of this kind cannot be verified yet, so such an image is refused' },
      )
    signatures.push(signed)
  }
  return { signatures, rule: `"${policy.path}": ${rule}` }
}

function requirementsAt(value: unknown, place: string): PolicyRequirement[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new TspodError('INVALID', `${place} must be a list of at least one requirement`)
  return value.map((each: unknown, index) => {
    const { type } = objectAt(each, `${place}[${index}]`)
    const known = requirementTypes.find(name => name === type)
    if (known === undefined)
      throw new TspodError(
        'INVALID',
        `${place}[${index}].type is ${JSON.stringify(type)}, must be one of ${requirementTypes.join(', ')}`,
      )
    if (known === 'insecureAcceptAnything' || known === 'reject') objectAt(each, `${place}[${index}]`, ['type'])
    return { type: known, ...(known === 'sigstoreSigned' && { signed: signedAt(each, `${place}[${index}]`) }) }
  })
}

const keyFields = ['keyPath', 'keyData', 'keyPaths', 'keyDatas']
const otherSigners = [
  'fulcio',
  'pki',
  'rekorPublicKeyPath',
  'rekorPublicKeyPaths',
  'rekorPublicKeyData',
  'rekorPublicKeyDatas',
]

function signedAt(value: unknown, place: string): SignedRequirement {
  const found = objectAt(value, place, ['type', 'signedIdentity', ...keyFields, ...otherSigners])
  const signers = [...keyFields, 'fulcio', 'pki'].filter(key => found[key] !== undefined)
  if (signers.length !== 1)
    throw new TspodError('INVALID', `${place} must have exactly one of ${[...keyFields, 'fulcio', 'pki'].join(', ')}`)
  return {
    keyPaths: [...textsAt(found.keyPath, `${place}.keyPath`), ...textsAt(found.keyPaths, `${place}.keyPaths`)],
    keyData: [...textsAt(found.keyData, `${place}.keyData`), ...textsAt(found.keyDatas, `${place}.keyDatas`)].map(
      data => Buffer.from(data, 'base64').toString(),
    ),
    identity: identityAt(found.signedIdentity ?? { type: 'matchRepoDigestOrExact' }, `${place}.signedIdentity`),
    unsupported: otherSigners.filter(key => found[key] !== undefined).map(key => `sigstoreSigned with ${key}`),
  }
}

function identityAt(value: unknown, place: string): SignedIdentity {
  const { type } = objectAt(value, place)
  const text = (key: string, found: Record<string, unknown>) => textsAt(found[key], `${place}.${key}`)[0] ?? ''
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      objectAt(value, place, ['type'])
      return { type }
    case 'exactReference':
      return { type, dockerReference: text('dockerReference', objectAt(value, place, ['type', 'dockerReference'])) }
    case 'exactRepository':
      return { type, dockerRepository: text('dockerRepository', objectAt(value, place, ['type', 'dockerRepository'])) }
    case 'remapIdentity': {
      const found = objectAt(value, place, ['type', 'prefix', 'signedPrefix'])
      return { type, prefix: text('prefix', found), signedPrefix: text('signedPrefix', found) }
    }
    default:
      throw new TspodError('INVALID', `${place}.type is ${JSON.stringify(type)}, which is no way to match an identity`)
  }
}

/** A text, or a list of at least one. */
function textsAt(value: unknown, place: string): string[] {
  if (value === undefined) return []
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || !list.every(each => typeof each === 'string' && each !== ''))
    throw new TspodError('INVALID', `${place} must be a text that is not empty`)
  return list as string[]
}

function objectAt(value: unknown, place: string, keys?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TspodError('INVALID', `${place} is not an object`)
  const unknown = keys === undefined ? undefined : Object.keys(value).find(key => !keys.includes(key))
  if (unknown !== undefined) throw new TspodError('INVALID', `${place} has the unknown key "${unknown}"`)
  return value as Record<string, unknown>
}
