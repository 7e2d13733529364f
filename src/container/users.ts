// Who --user and --group-add are in the image's own passwd and group files (passwd(5), group(5)). Pure.
import { TspodError } from '#errors.ts'

export interface PasswdEntry {
  name: string
  uid: number
  gid: number
  home: string
}

interface GroupEntry {
  name: string
  gid: number
  members: string[]
}

export interface ResolvedUser {
  uid: number
  gid: number
  /** the gid itself first, then groups that list the user, then --group-add */
  additionalGids: number[]
  /** --group-add keep-groups: the caller's groups stay, and none are set */
  keepGroups: boolean
  /** absent where passwd does not know the uid */
  entry?: PasswdEntry
}

export interface Accounts {
  passwd: string
  group: string
}

const highestId = 2 ** 31 - 1

/**
 * `name`, `uid`, `name:group`, `uid:gid`, empty for root. A number need not be in passwd; a name must (podman's words).
 * Only where no group is named do the groups that list the user come along, as far as the user namespace has them.
 */
export function resolveUser(
  text: string,
  groupAdd: readonly string[],
  accounts: Accounts,
  hasGroup: (gid: number) => boolean = () => true,
): ResolvedUser {
  const colon = text.indexOf(':')
  const userText = colon < 0 ? text : text.slice(0, colon)
  const groupText = colon < 0 ? '' : text.slice(colon + 1)
  const entry = findUser(userText, parsePasswd(accounts.passwd))
  const uid = entry?.uid ?? (userText === '' ? 0 : idOf('user', userText))
  const groups = parseGroup(accounts.group)
  const gid = groupText === '' ? (entry?.gid ?? 0) : groupId(groupText, groups)
  const listing = groupText === '' && entry ? groups.filter(group => group.members.includes(entry.name)) : []
  const keepGroups = groupAdd.includes('keep-groups')
  if (keepGroups && groupAdd.length > 1)
    throw new TspodError(
      'INVALID',
      "the '--group-add keep-groups' option is not allowed with any other --group-add options",
    )
  const listed = listing.map(group => group.gid).filter(hasGroup)
  const added = keepGroups ? [] : groupAdd.map(each => groupId(each, groups))
  const additionalGids = keepGroups ? [] : [...new Set([gid, ...listed, ...added])]
  return { uid, gid, additionalGids, keepGroups, ...(entry && { entry }) }
}

function findUser(text: string, entries: PasswdEntry[]): PasswdEntry | undefined {
  if (text === '') return entries.find(entry => entry.uid === 0)
  if (/^[0-9]+$/.test(text)) return entries.find(entry => entry.uid === Number(text))
  const entry = entries.find(each => each.name === text)
  if (entry === undefined)
    throw new TspodError('NOT_FOUND', `unable to find user ${text}: no matching entries in passwd file`, {
      exitCode: 126,
    })
  return entry
}

function groupId(text: string, groups: GroupEntry[]): number {
  if (/^[0-9]+$/.test(text)) return idOf('group', text)
  const group = groups.find(each => each.name === text)
  if (group === undefined)
    throw new TspodError('NOT_FOUND', `unable to find group ${text}: no matching entries in group file`, {
      exitCode: 126,
    })
  return group.gid
}

function idOf(kind: string, text: string): number {
  const id = Number(text)
  if (id <= highestId) return id
  throw new TspodError('INVALID', `${kind} id ${text}: uids and gids must be in range 0-${highestId}`)
}

/** The well-formed lines of passwd(5); others are passed over, as getpwent(3) does. */
export function parsePasswd(text: string): PasswdEntry[] {
  return fieldsOf(text, 6).flatMap(([name = '', , uid = '', gid = '', , home = '']) =>
    isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }] : [],
  )
}

/** The well-formed lines of group(5). */
export function parseGroup(text: string): GroupEntry[] {
  return fieldsOf(text, 3).flatMap(([name = '', , gid = '', members = '']) =>
    isId(gid) ? [{ name, gid: Number(gid), members: members.split(',').filter(each => each !== '') }] : [],
  )
}

function fieldsOf(text: string, atLeast: number): string[][] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.split(':'))
    .filter(fields => fields.length >= atLeast && fields[0] !== '')
}

function isId(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= 4294967294
}
