// Which control groups this machine has, where this process is in them, and what the user's slice was given. Host namespaces.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MountInfo, readMounts } from './filesystem.ts'
import { hostUser } from './user.ts'

/** `hybrid`: controllers on v1 hierarchies beside a cgroup2 tree that has none. */
export type CgroupVersion = 'v2' | 'hybrid' | 'v1' | 'none'

export interface CgroupFacts {
  version: CgroupVersion
  /** Where the cgroup2 tree is mounted; absent without one. */
  mountPoint: string | undefined
  /** This process's group in the cgroup2 tree, `/user.slice/…`. */
  ownGroup: string | undefined
  /** Controllers that a group below this user's systemd manager can use; empty without v2 or without a user manager. */
  delegatedControllers: string[]
  /** All controllers of the machine: of the cgroup2 tree, or of the v1 hierarchies. */
  controllers: string[]
}

/** Looks at the machine; reads a handful of small files. */
export function readCgroupFacts(): CgroupFacts {
  const mounts = readMounts()
  const layout = decideCgroupLayout(mounts)
  const { uid } = hostUser()
  const userManager = `user.slice/user-${uid}.slice/user@${uid}.service`
  const { version, mountPoint } = layout
  return {
    ...layout,
    ownGroup: parseOwnGroup(read('/proc/self/cgroup')),
    controllers:
      version === 'v2' && mountPoint !== undefined
        ? words(read(join(mountPoint, 'cgroup.controllers')))
        : v1Controllers(mounts),
    delegatedControllers:
      version === 'v2' && mountPoint !== undefined
        ? words(read(join(mountPoint, userManager, 'cgroup.controllers')))
        : [],
  }
}

/** v2, hybrid, v1 or none, from the mounts (cgroups(7)). */
export function decideCgroupLayout(mounts: readonly MountInfo[]): Pick<CgroupFacts, 'version' | 'mountPoint'> {
  const v2 = mounts.find(({ kind }) => kind === 'cgroup2')
  const hasV1 = mounts.some(({ kind }) => kind === 'cgroup')
  if (v2 === undefined) return { version: hasV1 ? 'v1' : 'none', mountPoint: undefined }
  return { version: hasV1 ? 'hybrid' : 'v2', mountPoint: v2.mountPoint }
}

/** The group in the cgroup2 tree out of /proc/PID/cgroup: the line `0::/path`. */
export function parseOwnGroup(text: string): string | undefined {
  return /^0::(.*)$/m.exec(text)?.[1]
}

function v1Controllers(mounts: readonly MountInfo[]): string[] {
  const notControllers = new Set(['rw', 'ro', 'xattr', 'clone_children'])
  return mounts
    .filter(({ kind }) => kind === 'cgroup')
    .flatMap(({ superOptions }) => superOptions)
    .filter(option => !notControllers.has(option) && !option.includes('='))
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '')
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // not there, or not for us: no controllers
  }
}
