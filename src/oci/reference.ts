// Names of images with docker's rules: `alpine` is docker.io/library/alpine:latest (distribution's reference grammar). Pure.
import { TspodError } from '#errors.ts'
import { type Digest, isDigest, parseDigest } from './digest.ts'

/** A name that says its registry. At least one of tag and digest is present once `withDefaultTag` has been applied. */
export interface Reference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000` */
  registry: string
  /** `library/alpine` */
  repository: string
  tag?: string
  digest?: Digest
}

/** A name as typed: the registry is absent where docker's rules see none (a short name). */
export interface TypedName {
  registry?: string
  /** `alpine`, `someone/tool`; not completed with `library/` */
  path: string
  tag?: string
  digest?: Digest
}

export const defaultRegistry = 'docker.io'
export const defaultTag = 'latest'

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const pathForm = new RegExp(`^${component}(?:/${component})*$`)
const label = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const registryForm = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`)
const tagForm = /^[\w][\w.-]{0,127}$/
const longestName = 255

function refuse(text: string, why: string, hint?: string): never {
  const shown = text.length > 300 ? `${text.slice(0, 297)}...` : text
  throw new TspodError('INVALID', `image name "${shown}" is not valid: ${why}`, { hint })
}

/** Splits a name as typed. Throws INVALID with what is wrong and where. */
export function parseTypedName(text: string): TypedName {
  if (text === '') refuse(text, 'it is empty')
  if (/^[a-f0-9]{64}$/.test(text)) refuse(text, 'a repository cannot have the form of an image id')
  const at = text.indexOf('@')
  const digestText = at === -1 ? undefined : text.slice(at + 1)
  const named = at === -1 ? text : text.slice(0, at)
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon === -1 ? undefined : named.slice(colon + 1)
  const name = colon === -1 ? named : named.slice(0, colon)
  const { registry, path } = splitRegistry(name)
  if (tag !== undefined && !tagForm.test(tag))
    refuse(
      text,
      tag === ''
        ? 'the tag after ":" is empty'
        : `the tag "${tag}" must be letters, digits, "_", "." and "-", at most 128`,
    )
  if (registry !== undefined && !registryForm.test(registry))
    refuse(text, `"${registry}" is not a registry's host[:port]`)
  if (!pathForm.test(path))
    refuse(text, pathFault(path), /[A-Z]/.test(path) ? `try "${text.toLowerCase()}"` : undefined)
  if (name.length > longestName)
    refuse(text, `the name has ${name.length} characters, must have at most ${longestName}`)
  const digest = digestText === undefined ? undefined : parseDigest(digestText, `image name "${text}": the digest`)
  return {
    ...(registry === undefined ? {} : { registry }),
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** A full reference by docker's rules, without a tag added. Throws INVALID. */
export function parseReference(text: string): Reference {
  const { registry, path, ...rest } = parseTypedName(text)
  return completeName(registry ?? defaultRegistry, path, rest)
}

/** A registry and a path on it as a reference: docker.io's official images lie in `library/`. */
export function completeName(registry: string, path: string, rest: { tag?: string; digest?: Digest } = {}): Reference {
  const isHub = registry === defaultRegistry || registry === 'index.docker.io'
  return {
    registry: isHub ? defaultRegistry : registry,
    repository: isHub && !path.includes('/') ? `library/${path}` : path,
    ...(rest.tag === undefined ? {} : { tag: rest.tag }),
    ...(rest.digest === undefined ? {} : { digest: rest.digest }),
  }
}

/** The same reference with `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: defaultTag } : reference
}

/** `docker.io/library/alpine`. */
export function repositoryName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`
}

/** The full name: `docker.io/library/alpine:latest`, `…@sha256:…`, or both. */
export function formatReference(reference: Reference): string {
  const { tag, digest } = reference
  return `${repositoryName(reference)}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** The short form that docker shows: `alpine:latest`, `someone/tool:1`; names of other registries stay whole. */
export function familiarName(reference: Reference): string {
  const { registry, repository } = reference
  if (registry !== defaultRegistry) return formatReference(reference)
  const path =
    repository.startsWith('library/') && repository.split('/').length === 2 ? repository.slice(8) : repository
  return formatReference(reference).replace(`${registry}/${repository}`, path)
}

/** True where a name could be the beginning of an image's id rather than a name. */
export function mayBeImageId(text: string): boolean {
  return isDigest(text) || /^(sha256:)?[a-f0-9]{1,64}$/.test(text)
}

/** The first component is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`. */
function splitRegistry(name: string): { registry?: string; path: string } {
  const slash = name.indexOf('/')
  if (slash === -1) return { path: name }
  const first = name.slice(0, slash)
  if (!/[.:A-Z]/.test(first) && first !== 'localhost') return { path: name }
  return { registry: first, path: name.slice(slash + 1) }
}

function pathFault(path: string): string {
  if (path === '') return 'it has no repository'
  if (/[A-Z]/.test(path)) return 'the repository must be lower case'
  const bad = /[^a-z0-9._/-]/.exec(path)
  if (bad !== null) return `"${bad[0]}" cannot be part of a repository`
  if (/^\/|\/\/|\/$/.test(path)) return 'a component between slashes is empty'
  return 'each component must begin and end with a letter or digit, with single separators ".", "_", "__" or dashes between'
}
