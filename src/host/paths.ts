// Where this user's files lie: the XDG base directories, the store, the folder of sockets.
import { lstatSync, mkdirSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { log } from '#log.ts'
import { homeFolder, hostUser } from './user.ts'

const homeRelative = {
  XDG_CONFIG_HOME: '.config',
  XDG_DATA_HOME: '.local/share',
  XDG_STATE_HOME: '.local/state',
  XDG_CACHE_HOME: '.cache',
} as const

/** A base directory (XDG Base Directory Specification); relative values are ignored. `undefined` without any home. */
function baseFolder(variable: keyof typeof homeRelative): string | undefined {
  const value = process.env[variable]
  if (value?.startsWith('/')) return value
  const home = homeFolder()
  return home === undefined ? undefined : join(home, homeRelative[variable])
}

export const configHome = (): string | undefined => baseFolder('XDG_CONFIG_HOME')

/** What tspod remembers between commands and could find out again. */
export function stateFolder(): string | undefined {
  const base = baseFolder('XDG_STATE_HOME')
  return base === undefined ? undefined : join(base, 'tspod')
}

/** What can be thrown away at any time. */
export function cacheFolder(): string | undefined {
  const base = baseFolder('XDG_CACHE_HOME')
  return base === undefined ? undefined : join(base, 'tspod')
}

/** The store where no configuration names another: `$XDG_DATA_HOME/tspod`, for root /var/lib/tspod. */
export function defaultGraphRoot(): string {
  if (hostUser().isRoot) return '/var/lib/tspod'
  const base = baseFolder('XDG_DATA_HOME')
  if (base === undefined)
    throw new TspodError(
      'INVALID',
      'finding a place for images and containers: neither HOME nor XDG_DATA_HOME is set',
      {
        hint: 'export HOME, or give a folder with --root',
      },
    )
  return join(base, 'tspod')
}

/** A folder for sockets, and where it comes from. */
export interface RuntimeFolder {
  path: string
  /** `xdg`: the login session's; `private`: one of our own under /tmp, since there is none; `system`: root's. */
  kind: 'xdg' | 'private' | 'system' | 'configured'
}

/**
 * The folder for sockets where no configuration names another: `$XDG_RUNTIME_DIR/tspod`, or below /run/user/UID where the
 * variable is missing or belongs to somebody else (su(1)); without either /tmp/tspod-UID; for root /run/tspod. Creates nothing.
 */
export function defaultRunRoot(): RuntimeFolder {
  const { uid, isRoot } = hostUser()
  if (isRoot) return { path: '/run/tspod', kind: 'system' }
  for (const base of [process.env.XDG_RUNTIME_DIR, `/run/user/${uid}`]) {
    if (base === undefined || base === '') continue
    const fault = base.startsWith('/') ? privacyFault(base) : 'is not an absolute path'
    if (fault === undefined) return { path: join(base, 'tspod'), kind: 'xdg' }
    log.debug(`runtime folder "${base}" ${fault}`)
  }
  return { path: `/tmp/tspod-${uid}`, kind: 'private' }
}

/**
 * Makes a folder that only this user can change (mode 0700), or checks the one that is there. Throws DENIED for one that is
 * somebody else's, a symbolic link, or writable by others: it could hold sockets and locks that were put there on purpose.
 */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw during(`creating the folder "${path}"`, error)
  }
  const fault = privacyFault(path)
  if (fault !== undefined)
    throw new TspodError('DENIED', `using the folder "${path}": it ${fault}`, {
      hint: `remove or repair "${path}", or set XDG_RUNTIME_DIR to a folder that is yours alone`,
    })
}

/** Why others could put things into this folder; `undefined` when they cannot. */
export function privacyFault(path: string): string | undefined {
  let facts: Stats | undefined
  try {
    facts = lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    return `cannot be looked at (${errnoOf(error) ?? String(error)})`
  }
  if (facts === undefined) return 'does not exist'
  if (facts.isSymbolicLink()) return 'is a symbolic link'
  if (!facts.isDirectory()) return 'is not a folder'
  const uid = process.getuid?.() ?? 0
  if (facts.uid !== uid) return `belongs to uid ${facts.uid}, must belong to uid ${uid}`
  if ((facts.mode & 0o022) !== 0) return `has mode ${(facts.mode & 0o7777).toString(8)}, must not be writable by others`
  return undefined
}

/** The longest path a unix socket can be bound to (unix(7)): 108 bytes with the final NUL. */
export const longestSocketPath = 107

/** The longest socket path below a run root: `<first 12 of the id>/attach`. */
export function socketPathBytes(runRoot: string): number {
  return Buffer.byteLength(join(runRoot, '0'.repeat(12), 'attach'))
}
