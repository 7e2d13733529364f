// `--cache-from` and `--cache-to`: a repository as podman has it, or BuildKit's `type=…,key=value`.
import { resolve } from 'node:path'
import type { CacheSource, CacheTarget } from '#engine/contracts/build.ts'
import { TspodError } from '#errors.ts'
import { usageError } from './command.ts'

/** Throws INVALID, UNSUPPORTED for kinds of BuildKit's that are services of others. */
export function cacheSourceOf(text: string): CacheSource {
  const found = fieldsOf('--cache-from', text, ['type', 'ref', 'src'])
  if (found === undefined) return { kind: 'registry', reference: text }
  const type = typeOf('--cache-from', text, found, ['registry', 'local'])
  if (type === 'registry') return { kind: 'registry', reference: needed('--cache-from', text, found, 'ref') }
  return { kind: 'local', path: resolve(needed('--cache-from', text, found, 'src')) }
}

/** As `cacheSourceOf`. A repository alone gets the steps of all stages, as from podman; `type=` the result's, as from BuildKit. */
export function cacheTargetOf(text: string): CacheTarget {
  const found = fieldsOf('--cache-to', text, ['type', 'ref', 'dest', 'mode', 'ignore-error'])
  if (found === undefined) return { kind: 'registry', reference: text, mode: 'max', ignoresErrors: false }
  const type = typeOf('--cache-to', text, found, ['registry', 'local', 'inline'])
  if (type === 'inline') return { kind: 'inline' }
  const mode = found.get('mode') ?? 'min'
  if (mode !== 'min' && mode !== 'max')
    throw usageError(`--cache-to "${text}": the mode is "${mode}", must be min or max`)
  const common = { mode, ignoresErrors: found.get('ignore-error') === 'true' } as const
  if (type === 'registry') return { kind: 'registry', reference: needed('--cache-to', text, found, 'ref'), ...common }
  return { kind: 'local', path: resolve(needed('--cache-to', text, found, 'dest')), ...common }
}

function fieldsOf(option: string, text: string, known: readonly string[]): Map<string, string> | undefined {
  if (!text.includes('=')) return undefined
  const found = new Map<string, string>()
  for (const field of text.split(',')) {
    const equals = field.indexOf('=')
    const key = field.slice(0, Math.max(0, equals))
    if (!known.includes(key)) throw usageError(`${option} "${text}" has "${field}", it may have ${known.join(', ')}`)
    found.set(key, field.slice(equals + 1))
  }
  return found
}

function typeOf<const T extends string>(
  option: string,
  text: string,
  found: ReadonlyMap<string, string>,
  known: readonly T[],
): T {
  const type = found.get('type')
  const fitting = known.find(each => each === type)
  if (fitting !== undefined) return fitting
  if (type !== undefined && ['gha', 's3', 'azblob'].includes(type))
    throw new TspodError('UNSUPPORTED', `${option} "${text}": a cache of the type ${type} is not implemented yet`, {
      hint: 'use type=registry, or type=local and store the folder',
    })
  throw usageError(`${option} "${text}": the type is "${type ?? ''}", must be ${known.join(' or ')}`)
}

function needed(option: string, text: string, found: ReadonlyMap<string, string>, key: string): string {
  const value = found.get(key)
  if (value === undefined || value === '') throw usageError(`${option} "${text}" must have ${key}`)
  return value
}
