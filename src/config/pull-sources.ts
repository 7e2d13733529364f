// From a name to the endpoints that may have the image, in order (containers-registries.conf(5)). Pure.
import { TspodError } from '#errors.ts'
import {
  completeName,
  formatReference,
  parseReference,
  parseTypedName,
  type Reference,
  repositoryName,
} from '#oci/reference.ts'
import type { Registries, RegistryRule } from './registries.ts'

/** One place to ask for an image. */
export interface PullSource {
  /** What to ask for there. */
  reference: Reference
  /** Plain HTTP and unknown certificates are accepted. */
  insecure: boolean
  isMirror: boolean
}

/** The mirrors that serve this kind of reference, then the registry itself. Throws DENIED for a blocked one. */
export function resolvePullSources(reference: Reference, { rules }: Pick<Registries, 'rules'>): PullSource[] {
  const name = formatReference(reference)
  const match = longestMatch(name, rules)
  if (match === undefined) return [{ reference, insecure: false, isMirror: false }]
  const { rule, length } = match
  if (rule.blocked)
    throw new TspodError('DENIED', `pulling "${name}": registry "${rule.prefix}" is blocked in "${rule.file}"`)
  const wanted = reference.digest === undefined ? 'tag-only' : 'digest-only'
  const mirrors = rule.mirrors.filter(({ pullFromMirror }) => pullFromMirror === 'all' || pullFromMirror === wanted)
  return [
    ...mirrors.map(mirror => ({
      reference: rewrite(name, length, mirror.location, rule),
      insecure: mirror.insecure,
      isMirror: true,
    })),
    { reference: rewrite(name, length, rule.location, rule), insecure: rule.insecure, isMirror: false },
  ]
}

/**
 * The full names that a typed name may stand for, in order: itself where it says its registry, else its alias, else it on each
 * registry of the search list. Throws INVALID where nothing says which registry is meant.
 */
export function resolveShortName(text: string, registries: Registries): Reference[] {
  const { registry, path, tag, digest } = parseTypedName(text)
  const rest = { tag, digest }
  if (registry !== undefined) return [completeName(registry, path, rest)]
  const alias = registries.aliases.get(path)
  if (alias !== undefined) return [aliasReference(path, alias, rest)]
  const { search, shortNameMode, files } = registries
  const file = files.at(0) ?? 'registries.conf'
  if (search.length === 0)
    throw new TspodError(
      'INVALID',
      `short name "${text}" has no alias, and there are no unqualified-search-registries`,
      {
        hint: `write the full name, for example docker.io/library/${path}, or list a registry in "${file}"`,
      },
    )
  if (shortNameMode === 'enforcing' && search.length > 1)
    throw new TspodError('INVALID', `short name "${text}" could be on any of ${search.join(', ')}`, {
      hint: `write the full name, or add an alias for "${path}" to "${file}" (short-name-mode is "enforcing")`,
    })
  return search.map(host => completeName(host, path, rest))
}

/** Repositories that a short name may mean among local images, in order: its alias, what was made here, the search list. */
export function shortNameRepositories(text: string, registries: Registries): string[] {
  const { path } = parseTypedName(text)
  const alias = registries.aliases.get(path)
  return [
    ...(alias === undefined ? [] : [aliasReference(path, alias, {})]),
    ...['localhost', ...registries.search, 'docker.io'].map(host => completeName(host, path)),
  ].map(repositoryName)
}

function aliasReference(name: string, alias: string, rest: Pick<Reference, 'tag' | 'digest'>): Reference {
  const { registry, path, tag, digest } = parseTypedName(alias)
  if (registry === undefined || tag !== undefined || digest !== undefined)
    throw new TspodError(
      'INVALID',
      `the alias of short name "${name}" is "${alias}", must be a full name without tag or digest`,
    )
  return completeName(registry, path, rest)
}

function longestMatch(
  name: string,
  rules: readonly RegistryRule[],
): { rule: RegistryRule; length: number } | undefined {
  let best: { rule: RegistryRule; length: number } | undefined
  for (const rule of rules) {
    const length = matchLength(name, rule.prefix)
    if (length !== undefined && (best === undefined || rule.prefix.length > best.rule.prefix.length))
      best = { rule, length }
  }
  return best
}

/** How much of the name a rule's prefix stands for; `undefined` where it does not match. */
function matchLength(name: string, prefix: string): number | undefined {
  const hostEnd = name.indexOf('/')
  if (prefix.startsWith('*.')) {
    const host = name.slice(0, hostEnd).replace(/:[0-9]+$/, '')
    return host.endsWith(prefix.slice(1)) && host.length > prefix.length - 1 ? hostEnd : undefined
  }
  if (!name.startsWith(prefix)) return undefined
  const next = name[prefix.length]
  // a ":" after the host alone begins a port: another registry
  const ends = next === undefined || next === '/' || next === '@' || (next === ':' && prefix.length > hostEnd)
  return ends ? prefix.length : undefined
}

function rewrite(name: string, length: number, location: string, rule: RegistryRule): Reference {
  if (location === '') return parseReference(name)
  const physical = location + name.slice(length)
  try {
    return parseReference(physical)
  } catch (error) {
    throw new TspodError('INVALID', `"${rule.file}" turns "${name}" into "${physical}", which is no image name`, {
      cause: error,
    })
  }
}
