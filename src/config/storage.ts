// Where the store lies and which driver serves it: storage.conf(5), the environment, the options before the verb.
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { filesystemOf, mayBeShared } from '#host/filesystem.ts'
import { defaultGraphRoot, defaultRunRoot, ensurePrivateFolder, type RuntimeFolder } from '#host/paths.ts'
import { type HostUser, homeFolder, hostUser, passwdEntry } from '#host/user.ts'
import { log } from '#log.ts'
import type { ConfigFile } from './files.ts'
import type { TomlTable } from './toml.ts'

export type StorageDriverName = 'overlay' | 'fuse-overlayfs' | 'copy'

export interface StorageSettings {
  readonly graphRoot: string
  /** Why the store lies there, where it is not simply the default. */
  readonly graphRootReason?: string
  /** The default would be on this network file system, so a folder local to the machine serves. */
  readonly avoidedFilesystem?: string
  readonly runRoot: RuntimeFolder
  /** absent: whatever works here, best first */
  readonly driver?: StorageDriverName
  /** The FUSE program that serves the root file system; absent: looked for. */
  readonly mountProgram?: string
  /** The storage.conf that was read. */
  readonly file?: string
}

/** What of it the options before the verb fix (podman(1), --root, --runroot, --storage-driver, --storage-opt). */
export interface StorageOverrides {
  root?: string
  runRoot?: string
  storageDriver?: string
  storageOptions?: readonly string[]
}

/** What of storage.conf counts. */
interface StorageFile {
  driver?: string
  graphRoot?: string
  runRoot?: string
  mountProgram?: string
}

/** Decides from all sources; the later ones win: default, storage.conf, $STORAGE_DRIVER, the options before the verb. */
export function decideStorage(
  overrides: StorageOverrides,
  file: ConfigFile | undefined,
  content: TomlTable,
): StorageSettings {
  const user = hostUser()
  const fromFile = file === undefined ? {} : readStorageFile(file, content, user)
  const options = parseStorageOptions(overrides.storageOptions ?? [])
  const mountProgram = options.mountProgram ?? fromFile.mountProgram
  const named = overrides.storageDriver ?? process.env.STORAGE_DRIVER
  return {
    ...decideGraphRoot(overrides.root, fromFile.graphRoot, file, user),
    runRoot: decideRunRoot(overrides.runRoot, fromFile.runRoot),
    driver:
      named !== undefined && named !== ''
        ? driverByOption(named, mountProgram)
        : driverByFile(fromFile.driver, mountProgram, file),
    mountProgram,
    file: file?.path,
  }
}

/** On every node's own disk, and kept over reboots (hier(7)). */
const localFolder = '/var/tmp'

function decideGraphRoot(
  option: string | undefined,
  configured: string | undefined,
  file: ConfigFile | undefined,
  user: HostUser,
): Pick<StorageSettings, 'graphRoot' | 'graphRootReason' | 'avoidedFilesystem'> {
  if (option !== undefined) return { graphRoot: option, graphRootReason: 'given with --root' }
  if (configured !== undefined) return { graphRoot: configured, graphRootReason: `configured in "${file?.path}"` }
  const graphRoot = defaultGraphRoot()
  const { kind } = filesystemOf(graphRoot)
  // where everything is served by a program (a container in a container) there is no better place
  if (!mayBeShared(kind) || filesystemOf(localFolder).kind === kind) return { graphRoot }
  return {
    graphRoot: join(localFolder, `tspod-${user.uid}`),
    graphRootReason: `"${graphRoot}" is on ${kind}, which cannot hold files of subordinate ids`,
    avoidedFilesystem: kind,
  }
}

function decideRunRoot(option: string | undefined, configured: string | undefined): RuntimeFolder {
  const path = option ?? configured
  return path === undefined ? defaultRunRoot() : { path, kind: 'configured' }
}

function driverByOption(name: string, mountProgram: string | undefined): StorageDriverName {
  if (name === 'overlay' || name === 'overlay2') return mountProgram === undefined ? 'overlay' : 'fuse-overlayfs'
  if (name === 'fuse-overlayfs') return 'fuse-overlayfs'
  if (name === 'vfs' || name === 'copy') return 'copy'
  throw new TspodError('INVALID', `choosing the storage driver "${name}": must be overlay, fuse-overlayfs or vfs`)
}

/** A file shared with other engines may name drivers that only they have: then tspod chooses for itself. */
function driverByFile(
  name: string | undefined,
  mountProgram: string | undefined,
  file: ConfigFile | undefined,
): StorageDriverName | undefined {
  if (mountProgram !== undefined && (name === undefined || name === '' || name === 'overlay')) return 'fuse-overlayfs'
  if (name === 'vfs') return 'copy'
  if (name !== undefined && name !== '' && name !== 'overlay')
    log.debug(`"${file?.path}": the storage driver "${name}" is none of tspod's; it chooses one itself`)
  return undefined
}

/** `overlay.mount_program=/path`, with or without the driver before the dot. */
function parseStorageOptions(texts: readonly string[]): { mountProgram?: string } {
  const options: { mountProgram?: string } = {}
  for (const text of texts) {
    const [, program] = /^(?:overlay2?\.)?mount_program=(\/.+)$/.exec(text) ?? []
    if (program === undefined)
      throw new TspodError('INVALID', `parsing --storage-opt "${text}": must be overlay.mount_program=/PATH`)
    options.mountProgram = program
  }
  return options
}

// what packages write for engines whose store is root's alone; tspod's root store must be open to the mapped root
const stockRootPaths = new Set([
  '/var/lib/containers/storage',
  '/run/containers/storage',
  '/var/run/containers/storage',
])

/**
 * The keys of storage.conf that tspod honours. A folder named there is shared with other engines, so tspod's own lies in
 * `tspod` below it. For a user the system's file counts only with `rootless_storage_path`.
 */
export function readStorageFile(file: ConfigFile, content: TomlTable, user: HostUser): StorageFile {
  const storage = table(file, 'storage', content.storage)
  const options = table(file, 'storage.options', storage.options)
  const overlay = table(file, 'storage.options.overlay', options.overlay)
  const get = (where: TomlTable, name: string, key: string): string | undefined => {
    const value = where[key]
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string') return value
    throw new TspodError(
      'INVALID',
      `reading "${file.path}": ${name}.${key} is ${JSON.stringify(value)}, must be a string`,
    )
  }
  const folder = (key: string): string | undefined => {
    const value = get(storage, 'storage', key)
    if (value === undefined || stockRootPaths.has(value)) return undefined
    const path = expandVariables(value, user)
    if (!path.startsWith('/'))
      throw new TspodError('INVALID', `reading "${file.path}": storage.${key} is "${value}", must be an absolute path`)
    return basename(path) === 'tspod' ? path : join(path, 'tspod')
  }
  const ownPlaces = user.isRoot || file.scope === 'user'
  return {
    driver: get(storage, 'storage', 'driver'),
    graphRoot:
      (user.isRoot ? undefined : folder('rootless_storage_path')) ?? (ownPlaces ? folder('graphroot') : undefined),
    runRoot: ownPlaces ? folder('runroot') : undefined,
    mountProgram:
      get(overlay, 'storage.options.overlay', 'mount_program') ?? get(options, 'storage.options', 'mount_program'),
  }
}

function table(file: ConfigFile, name: string, value: unknown): TomlTable {
  if (value === undefined) return {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as TomlTable
  throw new TspodError('INVALID', `reading "${file.path}": ${name} is ${JSON.stringify(value)}, must be a table`)
}

/** $HOME, $UID and $USER, with or without braces (containers-storage.conf(5), rootless_storage_path). */
function expandVariables(path: string, user: HostUser): string {
  return path.replace(/\$(?:\{(HOME|UID|USER)\}|(HOME|UID|USER)\b)/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare
    if (name === 'UID') return String(user.uid)
    return (name === 'HOME' ? homeFolder() : passwdEntry(user.uid)?.name) ?? ''
  })
}

/**
 * Makes the store's folder: 0700 for a user; for root 0711 and owned by the ids that its containers' root is mapped to.
 * Throws DENIED where the folder lies open to others, INVALID for a file system that cannot be written.
 */
export function ensureGraphRoot(storage: StorageSettings, mappedRoot?: { uid: number; gid: number }): void {
  const { graphRoot, avoidedFilesystem } = storage
  if (avoidedFilesystem !== undefined) return ensurePrivateFolder(graphRoot)
  try {
    mkdirSync(graphRoot, { recursive: true, mode: mappedRoot === undefined ? 0o700 : 0o711 })
    if (mappedRoot !== undefined) giveGraphRoot(graphRoot, mappedRoot)
  } catch (error) {
    const failure = during(`creating the store "${graphRoot}"`, error)
    if (errnoOf(error) !== 'EACCES') throw failure
    throw new TspodError('DENIED', failure.message, {
      hint: 'name a folder that you can write, with --root or as graphroot in ~/.config/containers/storage.conf',
      cause: error,
    })
  }
}

/** A new folder, whatever the umask made of it, or an empty one that somebody prepared. */
function giveGraphRoot(graphRoot: string, { uid, gid }: { uid: number; gid: number }): void {
  const facts = statSync(graphRoot)
  if (facts.uid === uid) return
  if (readdirSync(graphRoot).length > 0)
    throw new TspodError('DENIED', `it belongs to user ${facts.uid} and is not empty, must belong to ${uid}`, {
      hint: 'root keeps containers under ids of their own; name another folder with --root, or move this one away',
    })
  chownSync(graphRoot, uid, gid)
  chmodSync(graphRoot, 0o711)
}
