// Programs of the host that tspod calls: where they are, which version, and whether they may do what they are there for.
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { mountOf } from './filesystem.ts'
import { runProgramSync } from './run-program.ts'

export type HelperName = 'newuidmap' | 'newgidmap' | 'slirp4netns' | 'pasta' | 'fuse-overlayfs' | 'fusermount3'

// where distributions put helpers that are not on every user's PATH
const moreFolders = [
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
  '/usr/local/libexec/podman',
  '/usr/local/lib/podman',
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/run/current-system/sw/bin',
]

/**
 * The path of an executable program: `folders` (helper_binaries_dir of containers.conf) first, then PATH, then the folders
 * where distributions put such helpers. `undefined` where there is none.
 */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => folder.startsWith('/'))
  for (const folder of [...folders, ...path, ...moreFolders]) {
    const candidate = join(folder, name)
    if (isProgram(candidate)) return candidate
  }
  return undefined
}

/** An executable file. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // absent, or not for us: the next folder may have it
  }
}

/** What the program says of itself with --version, all lines; `undefined` where it does not answer within two seconds. */
export function programVersion(path: string): string | undefined {
  const { status, stdout, stderr } = runProgramSync(path, ['--version'], { timeoutMs: 2_000 })
  if (status !== 0) return undefined
  return stdout.trim() || stderr.trim() || undefined
}

/**
 * The version in what a program says with --version: the first word with a digit of the line that begins with its name, since
 * some name their libraries first. `slirp4netns version 1.2.0` → `1.2.0`; `undefined` where it says none.
 */
export function versionNumber(name: string, text: string): string | undefined {
  const line = text.split('\n').find(each => each.startsWith(name)) ?? ''
  return /\d[^\s,]*/.exec(line.slice(name.length))?.[0]
}

export interface ProgramPrivileges {
  /** Set-user-id bit with root as the owner. */
  isSetUidRoot: boolean
  /** Names of the file's permitted and effective capabilities (capabilities(7)), `cap_setuid`. */
  capabilities: string[]
  /** On a file system mounted nosuid, where neither counts. */
  isOnNosuidMount: boolean
}

/** Fills `value` with an extended attribute; returns its length, or a negative number (getxattr(2)). */
export type ReadAttribute = (path: string, name: string, value: Uint8Array) => number

/** Which privileges a program gets when it is run. Loads the kernel layer. */
export async function programPrivileges(path: string): Promise<ProgramPrivileges> {
  const { trySyscall } = await import('#sys/call.ts')
  return privilegesOf(path, (file, name, value) => trySyscall('getxattr', file, name, value, value.byteLength))
}

/** The same for callers who have the kernel layer. */
export function privilegesOf(path: string, readAttribute: ReadAttribute): ProgramPrivileges {
  const file = realpathSync(path)
  const { mode, uid } = statSync(file)
  return {
    isSetUidRoot: (mode & 0o4000) !== 0 && uid === 0,
    capabilities: parseFileCapabilities(attributeOf(file, 'security.capability', readAttribute)),
    isOnNosuidMount: mountOf(file)?.options.includes('nosuid') ?? false,
  }
}

function attributeOf(path: string, name: string, readAttribute: ReadAttribute): Uint8Array {
  const value = new Uint8Array(64)
  const length = readAttribute(path, name, value)
  return value.subarray(0, Math.max(length, 0)) // no attribute, or no attributes at all on this file system
}

const knownCapabilities: Record<number, string> = { 6: 'cap_setgid', 7: 'cap_setuid', 21: 'cap_sys_admin' }

/**
 * The capabilities that an attribute `security.capability` gives (struct vfs_cap_data, linux/capability.h), as far as they
 * matter for id maps. Empty for none, for ones that are not effective, and for an unknown revision.
 */
export function parseFileCapabilities(bytes: Uint8Array): string[] {
  if (bytes.byteLength < 12) return []
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = data.getUint32(0, true)
  const revision = magic >>> 24
  const isEffective = (magic & 1) === 1
  if (revision < 1 || revision > 3 || !isEffective) return []
  const permitted = data.getUint32(4, true)
  return Object.entries(knownCapabilities).flatMap(([bit, name]) =>
    (permitted & (1 << Number(bit))) !== 0 ? [name] : [],
  )
}
