// Which configuration files there are, in the order in which they are read: a later one wins (containers.conf(5), containers-storage.conf(5)).
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'

export interface ConfigFile {
  path: string
  /** The machine's, or the user's own: by place, or named in the environment. */
  scope: 'system' | 'user'
}

const systemFolders = ['/usr/share/containers', '/etc/containers']

/** The user's folder of container configuration; `undefined` for root, who follows the system's files alone. */
function userConfigFolder(): string | undefined {
  const base = hostUser().isRoot ? undefined : configHome()
  return base === undefined ? undefined : join(base, 'containers')
}

/**
 * The containers.conf files that exist: the two system folders and the user's, each with its `containers.conf.d/*.conf`;
 * $CONTAINERS_CONF in place of all of them; $CONTAINERS_CONF_OVERRIDE after them. A file that the environment names must exist.
 */
export function containersConfFiles(): ConfigFile[] {
  const { CONTAINERS_CONF: only, CONTAINERS_CONF_OVERRIDE: override } = process.env
  const files: ConfigFile[] = []
  if (isSet(only)) files.push(named('CONTAINERS_CONF', only))
  else {
    for (const folder of systemFolders) files.push(...withDropIns(folder, 'system'))
    const own = userConfigFolder()
    if (own !== undefined) files.push(...withDropIns(own, 'user'))
  }
  if (isSet(override)) files.push(named('CONTAINERS_CONF_OVERRIDE', override))
  return files
}

/** The one storage.conf that counts: $CONTAINERS_STORAGE_CONF, else the user's, else /etc's, else /usr/share's. */
export function storageConfFile(): ConfigFile | undefined {
  const { CONTAINERS_STORAGE_CONF: only } = process.env
  if (isSet(only)) return named('CONTAINERS_STORAGE_CONF', only)
  const own = userConfigFolder()
  const candidates: ConfigFile[] = systemFolders.map(folder => ({
    path: join(folder, 'storage.conf'),
    scope: 'system',
  }))
  if (own !== undefined) candidates.push({ path: join(own, 'storage.conf'), scope: 'user' })
  return candidates.findLast(({ path }) => existsSync(path))
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== ''
}

function named(variable: string, value: string): ConfigFile {
  const path = resolve(value)
  if (!existsSync(path))
    throw new TspodError('NOT_FOUND', `reading the file that ${variable} names: "${path}" does not exist`, {
      hint: `unset ${variable}, or let it name a file that exists`,
    })
  return { path, scope: 'user' }
}

function withDropIns(folder: string, scope: ConfigFile['scope']): ConfigFile[] {
  const main = join(folder, 'containers.conf')
  const paths = existsSync(main) ? [main] : []
  const dropIns = `${main}.d`
  if (existsSync(dropIns))
    for (const name of readdirSync(dropIns).sort()) if (name.endsWith('.conf')) paths.push(join(dropIns, name))
  return paths.map(path => ({ path, scope }))
}
