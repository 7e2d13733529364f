// image trust: what policy.json says about registries, and changes of it. The user's own file, which takes the place of the machine's:
// a first change begins with what that says.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { openPolicy, type Policy, type PolicyRequirement, parsePolicy } from '#config/policy.ts'
import type { TrustEntry, TrustKind } from '#engine/contracts/image.ts'
import { during, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { writeDurably } from '#image/durable-file.ts'

const words: Record<PolicyRequirement['type'], TrustKind> = {
  insecureAcceptAnything: 'accept',
  reject: 'reject',
  signedBy: 'signedBy',
  sigstoreSigned: 'sigstoreSigned',
}

/** The verb: every rule, the default first; none where there is no policy. */
export function listTrust(): TrustEntry[] {
  const policy = openPolicy()
  if (policy === undefined) return []
  const entriesOf = (transport: string, name: string, requirements: readonly PolicyRequirement[]): TrustEntry[] =>
    requirements.map(({ type, signed }) => ({ transport, name, type: words[type], keys: signed?.keyPaths ?? [] }))
  return [
    ...entriesOf('all', 'default', policy.default),
    ...Object.entries(policy.transports).flatMap(([transport, scopes]) =>
      Object.entries(scopes).flatMap(([scope, requirements]) =>
        entriesOf(shownTransport(transport), scope, requirements),
      ),
    ),
  ]
}

/** podman calls a registry's scopes so. */
const shownTransport = (transport: string): string => (transport === 'docker' ? 'repository' : transport)

/** The policy's text; `undefined` where there is none. Throws INVALID where it is damaged. */
export function rawTrust(): string | undefined {
  const policy = openPolicy()
  return policy === undefined ? undefined : readPolicy(policy)
}

/** The verb: a rule for a registry, a repository, an image, or `default`. Throws INVALID, NOT_FOUND for keys that are not there. */
export function setTrust(scope: string, kind: TrustKind, keys: readonly string[]): void {
  if (kind === 'signedBy')
    throw new TspodError('UNSUPPORTED', `trusting "${scope}" by GPG signatures is not implemented yet`, {
      hint: 'use --type sigstoreSigned with a key',
    })
  if (kind === 'sigstoreSigned' && keys.length === 0)
    throw new TspodError('INVALID', `trusting "${scope}": sigstoreSigned must have a public key`, {
      hint: '--pubkeysfile FILE',
    })
  if (kind !== 'sigstoreSigned' && keys.length > 0)
    throw new TspodError('INVALID', `trusting "${scope}": keys are for sigstoreSigned, not for ${kind}`)
  const paths = keys.map(key => resolve(key))
  const missing = paths.find(path => !existsSync(path))
  if (missing !== undefined)
    throw new TspodError(
      'NOT_FOUND',
      `trusting "${scope}": the key "${missing}" does not exist: no such file or directory`,
    )
  const current = openPolicy()
  const file = (current === undefined ? emptyPolicy : JSON.parse(readPolicy(current))) as {
    default: unknown
    transports?: Record<string, Record<string, unknown>>
  }
  const rule = kind === 'sigstoreSigned' ? paths.map(keyPath => ({ type: kind, keyPath })) : [{ type: typeOf(kind) }]
  const { docker, ...others } = file.transports ?? {}
  const changed =
    scope === 'default'
      ? { ...file, default: rule }
      : { ...file, transports: { ...others, docker: { ...docker, [scope]: rule } } }
  const path = ownPath()
  const text = `${JSON.stringify(changed, undefined, 4)}\n`
  parsePolicy(text, path)
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeDurably(path, text)
  } catch (error) {
    throw during(`writing "${path}"`, error)
  }
}

const emptyPolicy = { default: [{ type: 'insecureAcceptAnything' }] }

const typeOf = (kind: TrustKind): string => (kind === 'accept' ? 'insecureAcceptAnything' : kind)

function ownPath(): string {
  const folder = hostUser().isRoot ? '/etc' : configHome()
  if (folder === undefined) throw new TspodError('NOT_FOUND', 'there is no folder for policy.json: HOME is not set')
  return join(folder, 'containers/policy.json')
}

function readPolicy({ path }: Policy): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw during(`reading "${path}"`, error)
  }
}
