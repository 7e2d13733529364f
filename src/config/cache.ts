// The parsed configuration files, kept as JSON in the user's cache: parsing them takes 1.3 ms of every command, this 0.2.
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { cacheFolder } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { isLogged, log } from '#log.ts'
import type { ConfigTables } from './tables.ts'
import type { TomlTable } from './toml.ts'

export interface ParsedFiles {
  tables: ConfigTables
  storage: TomlTable
}

interface CacheFile extends ParsedFiles {
  key: string
}

/**
 * What `parse` makes of these files, from the cache where it was made from the very same ones by this very executable. Nothing
 * is cached for root (whose HOME may be somebody else's), nor while debug lines are wanted, which only parsing prints.
 */
export async function cachedParse(paths: readonly string[], parse: () => Promise<ParsedFiles>): Promise<ParsedFiles> {
  const folder = hostUser().isRoot || isLogged('debug') ? undefined : cacheFolder()
  if (folder === undefined) return await parse()
  const file = join(folder, 'config.json')
  const key = [process.execPath, ...paths].map(identityOf).join('\n')
  const cached = readCache(file)
  if (cached?.key === key) return cached
  const parsed = await parse()
  writeCache(folder, file, { key, ...parsed })
  return parsed
}

/** Changes whenever the file does. */
function identityOf(path: string): string {
  const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
  return `${path} ${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
}

/** The cache, if nobody else could have written it. */
function readCache(file: string): CacheFile | undefined {
  const facts = statSync(file, { throwIfNoEntry: false })
  if (facts === undefined || facts.uid !== process.getuid?.() || (facts.mode & 0o022) !== 0) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CacheFile
  } catch (error) {
    log.info(`reading "${file}": ${String(error)}`) // half-written by a full disk: made again below
    return undefined
  }
}

function writeCache(folder: string, file: string, content: CacheFile): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const temporary = `${file}.${process.pid}`
    writeFileSync(temporary, JSON.stringify(content), { mode: 0o600 })
    renameSync(temporary, file)
  } catch (error) {
    log.info(`writing "${file}": ${errnoOf(error) ?? String(error)}`) // a read-only home: parsed again next time
  }
}
