// registries.conf, version 2, with its drop-ins and the remembered short names (containers-registries.conf(5), containers-registries.conf.d(5)).
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { homeFolder, hostUser } from '#host/user.ts'
import { isArrayOf, isBoolean, isMapOf, isObject, isOneOf, isString } from '#oci/json-shape.ts'
import { readToml } from './toml.ts'

export interface RegistryMirror {
  /** host[:port][/path]: takes the place of the rule's prefix */
  location: string
  insecure: boolean
  pullFromMirror: 'all' | 'digest-only' | 'tag-only'
}

export interface RegistryRule {
  /** host[:port][/path[:tag|@digest]], or `*.host` */
  prefix: string
  /** Empty for a wildcard that rewrites nothing. */
  location: string
  insecure: boolean
  blocked: boolean
  mirrors: RegistryMirror[]
  /** The file that says so. */
  file: string
}

export interface Registries {
  /** Registries to try for short names, in order. */
  search: string[]
  shortNameMode: 'enforcing' | 'permissive' | 'disabled'
  rules: RegistryRule[]
  /** Short name to full repository. */
  aliases: Map<string, string>
  /** `containers-auth.json` stands for the files. */
  credentialHelpers: string[]
  /** The files that were read, for error texts. */
  files: string[]
}

/** What holds without any file: containers-conf/registries.conf says the same. */
export const defaultRegistries: Registries = {
  search: ['docker.io'],
  shortNameMode: 'permissive',
  rules: [],
  aliases: new Map(),
  credentialHelpers: ['containers-auth.json'],
  files: [],
}

/** One file as it is written. */
interface RegistriesFile {
  'unqualified-search-registries'?: string[]
  'short-name-mode'?: '' | Registries['shortNameMode']
  'credential-helpers'?: string[]
  aliases?: Record<string, string>
  registry?: {
    prefix?: string
    location?: string
    insecure?: boolean
    blocked?: boolean
    'mirror-by-digest-only'?: boolean
    mirror?: { location: string; insecure?: boolean; 'pull-from-mirror'?: '' | RegistryMirror['pullFromMirror'] }[]
  }[]
}

const fileShape = isObject(
  {},
  {
    'unqualified-search-registries': isArrayOf(isString),
    'short-name-mode': isOneOf('', 'enforcing', 'permissive', 'disabled'),
    'credential-helpers': isArrayOf(isString),
    aliases: isMapOf(isString),
    registry: isArrayOf(
      isObject(
        {},
        {
          prefix: isString,
          location: isString,
          insecure: isBoolean,
          blocked: isBoolean,
          'mirror-by-digest-only': isBoolean,
          mirror: isArrayOf(
            isObject(
              { location: isString },
              { insecure: isBoolean, 'pull-from-mirror': isOneOf('', 'all', 'digest-only', 'tag-only') },
            ),
          ),
        },
      ),
    ),
  },
)

/** Reads the files that count; the defaults without any. Throws INVALID naming file, key, found and wanted. */
export async function openRegistries(): Promise<Registries> {
  const registries: Registries = { ...defaultRegistries, rules: [], aliases: new Map(), files: [] }
  for (const path of registriesFiles()) addRegistriesFile(registries, await readToml(path), path)
  const remembered = rememberedNamesFile()
  if (remembered !== undefined && existsSync(remembered)) {
    const { aliases } = checkFile(await readToml(remembered), remembered)
    for (const [name, value] of Object.entries(aliases ?? {})) setAlias(registries, name, value)
  }
  return registries
}

/** Puts one parsed file over what was read before: lists replace, tables with the same prefix replace, aliases merge. */
export function addRegistriesFile(registries: Registries, table: Record<string, unknown>, path: string): void {
  const file = checkFile(table, path)
  registries.files.push(path)
  registries.search = file['unqualified-search-registries'] ?? registries.search
  registries.shortNameMode = file['short-name-mode'] || registries.shortNameMode
  registries.credentialHelpers = file['credential-helpers'] ?? registries.credentialHelpers
  for (const [name, value] of Object.entries(file.aliases ?? {})) setAlias(registries, name, value)
  const rules = (file.registry ?? []).map((entry, index) => parseRule(entry, `"${path}": registry[${index}]`, path))
  registries.rules = [...registries.rules.filter(old => !rules.some(({ prefix }) => prefix === old.prefix)), ...rules]
}

function checkFile(table: Record<string, unknown>, path: string): RegistriesFile {
  if (table.registries !== undefined)
    throw new TspodError('UNSUPPORTED', `"${path}" is in version 1 of its format`, {
      hint: 'write unqualified-search-registries = [...] and [[registry]] tables instead of [registries.search] and its kin',
    })
  fileShape(table, `"${path}"`)
  return table
}

function parseRule(entry: NonNullable<RegistriesFile['registry']>[number], what: string, file: string): RegistryRule {
  const location = trimSlashes(entry.location ?? '')
  const prefix = trimSlashes(entry.prefix ?? location)
  if (prefix === '') throw new TspodError('INVALID', `${what} has neither prefix nor location`)
  const isWildcard = prefix.startsWith('*.')
  if (prefix.slice(isWildcard ? 2 : 0).includes('*') || (isWildcard && /[/:@]/.test(prefix)))
    throw new TspodError('INVALID', `${what}.prefix is "${prefix}": a wildcard must be of the form *.example.com`)
  for (const [key, text] of [
    ['prefix', prefix],
    ['location', location],
  ] as const)
    if (text.includes('://')) throw new TspodError('INVALID', `${what}.${key} is "${text}": it must not have a scheme`)
  if (location === '' && !isWildcard && entry.location !== undefined)
    throw new TspodError('INVALID', `${what}.location is empty`)
  const digestOnly = entry['mirror-by-digest-only'] === true
  const mirrors = (entry.mirror ?? []).map((mirror, index): RegistryMirror => {
    const place = `${what}.mirror[${index}]`
    const own = mirror['pull-from-mirror'] || undefined
    if (trimSlashes(mirror.location) === '') throw new TspodError('INVALID', `${place}.location is empty`)
    if (digestOnly && own !== undefined)
      throw new TspodError('INVALID', `${place}: pull-from-mirror cannot be set beside mirror-by-digest-only = true`)
    return {
      location: trimSlashes(mirror.location),
      insecure: mirror.insecure ?? false,
      pullFromMirror: digestOnly ? 'digest-only' : (own ?? 'all'),
    }
  })
  const physical = location === '' && !isWildcard ? prefix : location
  return {
    prefix,
    location: physical,
    insecure: entry.insecure ?? false,
    blocked: entry.blocked ?? false,
    mirrors,
    file,
  }
}

function setAlias(registries: Registries, name: string, value: string): void {
  if (value === '') registries.aliases.delete(name)
  else registries.aliases.set(name, value)
}

const trimSlashes = (text: string): string => text.replace(/\/+$/, '')

/**
 * $CONTAINERS_REGISTRIES_CONF alone, or the user's file with the user's drop-ins, or the machine's with both folders of
 * drop-ins, in the order in which they are read.
 */
function registriesFiles(): string[] {
  const named = process.env.CONTAINERS_REGISTRIES_CONF
  if (named !== undefined && named !== '') {
    if (!existsSync(named))
      throw new TspodError(
        'NOT_FOUND',
        `reading the file that CONTAINERS_REGISTRIES_CONF names: "${named}" does not exist`,
      )
    return [resolve(named)]
  }
  const base = hostUser().isRoot ? undefined : configHome()
  const own = base === undefined ? undefined : join(base, 'containers/registries.conf')
  if (own !== undefined && existsSync(own)) return [own, ...dropIns(own)]
  const main = ['/etc/containers/registries.conf', '/usr/share/containers/registries.conf'].find(path =>
    existsSync(path),
  )
  return [
    ...(main === undefined ? [] : [main]),
    ...dropIns('/etc/containers/registries.conf'),
    ...(own === undefined ? [] : dropIns(own)),
  ]
}

function dropIns(path: string): string[] {
  const folder = join(dirname(path), 'registries.conf.d')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => name.endsWith('.conf'))
    .sort()
    .map(name => join(folder, name))
}

/** Aliases that a container tool remembered after it asked which registry was meant. */
function rememberedNamesFile(): string | undefined {
  if (hostUser().isRoot) return '/var/cache/containers/short-name-aliases.conf'
  const home = homeFolder()
  const cache = process.env.XDG_CACHE_HOME?.startsWith('/') ? process.env.XDG_CACHE_HOME : home && join(home, '.cache')
  return cache === undefined ? undefined : join(cache, 'containers/short-name-aliases.conf')
}
