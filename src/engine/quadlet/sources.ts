// Where Quadlet files lie, and what is in them with their drop-ins (podman-systemd.unit(5), FILE SEARCH PATHS).
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { configHome } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import type { SourceUnit } from '#systemd/quadlet/draft.ts'
import { kindOf } from '#systemd/quadlet/kinds.ts'
import { UnitFile } from '#systemd/unit-file.ts'

export interface Sources {
  units: SourceUnit[]
  /** files that cannot be read */
  failures: TspodError[]
}

/** The user's own folder, into which files are installed. */
export function installFolder(): string {
  if (hostUser().isRoot) return '/etc/containers/systemd'
  const base = configHome()
  if (base === undefined)
    throw new TspodError('INVALID', 'finding the folder of Quadlet files: neither HOME nor XDG_CONFIG_HOME is set')
  return join(base, 'containers/systemd')
}

/** Folders, the strongest first, each with those below it. QUADLET_UNIT_DIRS replaces them all. */
export function sourceFolders(): string[] {
  const asked = process.env['QUADLET_UNIT_DIRS']
  if (asked !== undefined && asked !== '') return asked.split(':').flatMap(folder => withFoldersBelow(folder))
  const { isRoot, uid } = hostUser()
  if (isRoot)
    return ['/run/containers/systemd', '/etc/containers/systemd', '/usr/share/containers/systemd'].flatMap(folder =>
      withFoldersBelow(folder, name => name !== 'users'),
    )
  const runtime = process.env['XDG_RUNTIME_DIR']
  const ofEveryone = ['/etc/containers/systemd/users', '/usr/share/containers/systemd/users']
  return [
    ...(runtime === undefined ? [] : withFoldersBelow(join(runtime, 'containers/systemd'))),
    ...withFoldersBelow(installFolder()),
    ...ofEveryone.flatMap(folder => withFoldersBelow(join(folder, String(uid)))),
    ...ofEveryone.flatMap(folder => withFoldersBelow(folder, name => !/^\d+$/.test(name))),
  ]
}

/** Of two files of one name the first counts, as in systemd's own folders. */
export function readSources(folders: readonly string[]): Sources {
  const found = new Map<string, string>()
  for (const folder of folders)
    for (const name of namesIn(folder))
      if (kindOf(name) !== undefined && !found.has(name)) found.set(name, join(folder, name))
  const sources: Sources = { units: [], failures: [] }
  for (const [name, path] of [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    try {
      const unit = readUnit(path)
      for (const dropIn of dropIns(name, folders)) unit.merge(readUnit(dropIn))
      sources.units.push({ name, path, unit })
    } catch (error) {
      sources.failures.push(error instanceof TspodError ? error : during(`reading "${path}"`, error))
    }
  }
  return sources
}

function readUnit(path: string): UnitFile {
  try {
    return UnitFile.parse(readFileSync(path, 'utf8'), path)
  } catch (error) {
    if (error instanceof TspodError) throw error
    throw during(`reading "${path}"`, error)
  }
}

/** `web.container.d/*.conf` of all folders, by their names; of an instance also those of its template. */
function dropIns(name: string, folders: readonly string[]): string[] {
  const template = name.replace(/@[^.]+\./, '@.')
  const found = new Map<string, string>()
  for (const base of new Set([name, template]))
    for (const folder of folders)
      for (const file of namesIn(join(folder, `${base}.d`)))
        if (file.endsWith('.conf') && !found.has(file)) found.set(file, join(folder, `${base}.d`, file))
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path)
}

/** A folder and all below it that hold files; folders of drop-ins are none of them. */
function withFoldersBelow(folder: string, isWanted: (name: string) => boolean = () => true): string[] {
  if (!existsSync(folder)) return []
  const real = realpathSync(folder)
  const below = readdirSync(real, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !entry.name.endsWith('.d') && isWanted(entry.name))
    .map(({ name }) => name)
    .toSorted()
  return [real, ...below.flatMap(name => withFoldersBelow(join(real, name)))]
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw during(`reading "${folder}"`, error)
  }
}
