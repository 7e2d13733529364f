// Who runs this process, in the host's words. Works in the host's namespaces and in the user's namespace, where getuid() is 0.
import { readFileSync } from 'node:fs'
import { runProgramSync } from './run-program.ts'

export interface HostUser {
  /** Ids as the host knows them. */
  uid: number
  gid: number
  /** Root of the host, rather than of the user's namespace. */
  isRoot: boolean
  insideUserNamespace: boolean
}

/** One line of passwd(5). */
export interface PasswdEntry {
  name: string
  uid: number
  gid: number
  home: string
  shell: string
}

/** Environment variable in which whoever enters the user's namespace records `uid:gid` of the host. */
export const hostIdsVariable = 'TSPOD_HOST_IDS'

/** The value of `hostIdsVariable` to pass on. */
export function hostIdsRecord(user: HostUser): string {
  return `${user.uid}:${user.gid}`
}

let known: HostUser | undefined

/** The user behind this process. Reads nothing for an ordinary user. */
export function hostUser(): HostUser {
  known ??= decideHostUser({
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    record: process.env[hostIdsVariable],
    readUidMap: () => readFileSync('/proc/self/uid_map', 'utf8'),
  })
  return known
}

/** What `hostUser` decides from. A record is believed only where the kernel's map says the same: it is an environment variable. */
export function decideHostUser(facts: {
  uid: number
  gid: number
  record: string | undefined
  readUidMap: () => string
}): HostUser {
  const { uid, gid, record } = facts
  const recorded = record === undefined ? null : /^(\d{1,10}):(\d{1,10})$/.exec(record)
  if (uid === 0 && recorded !== null) {
    const [, hostUid = '', hostGid = ''] = recorded
    const outsideZero = /^\s*0\s+(\d+)\s/.exec(facts.readUidMap())?.[1]
    // a caller's own id is its root in there; for the host's root it is some other id
    if (outsideZero === hostUid ? hostUid !== '0' : hostUid === '0')
      return { uid: Number(hostUid), gid: Number(hostGid), isRoot: hostUid === '0', insideUserNamespace: true }
  }
  return { uid, gid, isRoot: uid === 0, insideUserNamespace: false }
}

/** The lines of passwd(5) that can be one; others are left out. */
export function parsePasswd(text: string): PasswdEntry[] {
  const entries: PasswdEntry[] = []
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', gid = '', , home = '', shell = ''] = line.split(':')
    if (name === '' || name.startsWith('#') || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) continue
    entries.push({ name, uid: Number(uid), gid: Number(gid), home, shell })
  }
  return entries
}

/** The passwd entry of a uid: from /etc/passwd, else from the name services (LDAP, SSSD …) through getent(1). */
export function passwdEntry(uid: number): PasswdEntry | undefined {
  const local = parsePasswd(readOptional('/etc/passwd')).find(entry => entry.uid === uid)
  if (local !== undefined) return local
  const answer = runProgramSync('getent', ['passwd', String(uid)], { timeoutMs: 5_000 })
  return parsePasswd(answer.stdout).find(entry => entry.uid === uid)
}

/** The home folder: $HOME where it is an absolute path, else the one of the passwd entry; `undefined` where neither is. */
export function homeFolder(): string | undefined {
  const home = process.env.HOME
  if (home?.startsWith('/')) return home
  const entry = passwdEntry(hostUser().uid)?.home
  return entry?.startsWith('/') ? entry : undefined
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // a machine without the file knows its users elsewhere
  }
}
