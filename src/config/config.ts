// The configuration of one run: defaults, files, environment and the options before the verb, as one frozen value.

import { cachedParse, type ParsedFiles } from './cache.ts'
import { defaults } from './defaults.ts'
import { type ConfigFile, containersConfFiles, storageConfFile } from './files.ts'
import { decideStorage, type StorageOverrides, type StorageSettings } from './storage.ts'
import type { ConfigTables } from './tables.ts'

export interface Config extends ConfigTables {
  readonly storage: StorageSettings
  /** The files that were read, in order. */
  readonly files: readonly string[]
}

/** What the options before the verb fix; they win over every file. */
export interface ConfigOverrides extends StorageOverrides {
  cgroupManager?: 'systemd' | 'cgroupfs' | 'none'
  eventsBackend?: 'file' | 'none'
  networkCommandPath?: string
  hooksDirs?: readonly string[]
  tmpDir?: string
  volumePath?: string
}

/**
 * Reads the configuration; docs/configuration.md has the precedence. Where no file exists nothing is parsed and no parser
 * loaded. Throws INVALID naming file, key, found and wanted.
 */
export async function openConfig(overrides: ConfigOverrides = {}): Promise<Config> {
  const files = containersConfFiles()
  const storageFile = storageConfFile()
  const paths = [...files, ...(storageFile === undefined ? [] : [storageFile])].map(({ path }) => path)
  const { tables, storage } =
    paths.length === 0
      ? { tables: defaults, storage: {} }
      : await cachedParse(paths, async () => await parseFiles(files, storageFile))
  return deepFreeze({
    ...tables,
    engine: { ...tables.engine, ...engineOverrides(overrides) },
    storage: decideStorage(overrides, storageFile, storage),
    files: paths,
  })
}

async function parseFiles(files: readonly ConfigFile[], storageFile: ConfigFile | undefined): Promise<ParsedFiles> {
  const { TableReader } = await import('./read-tables.ts')
  const { tables } = await import('./tables.ts')
  const { readToml } = await import('./toml.ts')
  const reader = new TableReader<keyof ConfigTables>(tables, defaults)
  for (const file of files) reader.add(file, await readToml(file.path))
  return {
    tables: reader.values as unknown as ConfigTables, // the rules gave every value its type
    storage: storageFile === undefined ? {} : await readToml(storageFile.path),
  }
}

function engineOverrides(overrides: ConfigOverrides): Partial<ConfigTables['engine']> {
  const { cgroupManager, eventsBackend, networkCommandPath, hooksDirs = [], tmpDir, volumePath } = overrides
  return {
    ...(cgroupManager !== undefined && { cgroupManager }),
    ...(eventsBackend !== undefined && { eventsLogger: eventsBackend }),
    ...(networkCommandPath !== undefined && { networkCmdPath: networkCommandPath }),
    ...(hooksDirs.length > 0 && { hooksDirs: [...hooksDirs] }),
    ...(tmpDir !== undefined && { imageCopyTmpDir: tmpDir }),
    ...(volumePath !== undefined && { volumePath }),
  }
}

/** Puts `[engine] env` into this process's environment; variables that are set already stay as they are. */
export function applyEngineEnvironment({ engine }: Config): void {
  for (const entry of engine.env) {
    const equals = entry.indexOf('=')
    if (equals > 0) process.env[entry.slice(0, equals)] ??= entry.slice(equals + 1)
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const each of Object.values(value) as unknown[])
    if (typeof each === 'object' && each !== null && !Object.isFrozen(each)) deepFreeze(each)
  return Object.freeze(value)
}
