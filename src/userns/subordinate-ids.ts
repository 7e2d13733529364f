// The ids that a user may map besides his own: /etc/subuid and /etc/subgid (subuid(5)), or what getsubids(1) knows.
// Host namespaces.
import { readFileSync } from 'node:fs'
import { errnoOf } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'
import { runProgramSync } from '#host/run-program.ts'
import { type HostUser, parsePasswd, passwdEntry } from '#host/user.ts'
import { log } from '#log.ts'
import type { IdMapping } from './id-mapping.ts'

export interface IdRange {
  start: number
  count: number
}

/** One line of subuid(5): whose range it is, by name or by uid as text. */
export interface OwnedRange extends IdRange {
  owner: string
}

export type IdKind = 'uid' | 'gid'

/** Ids are 32 bits, and the last one means "no change" (setresuid(2)). */
export const highestId = 0xffff_fffe

const databases = { uid: '/etc/subuid', gid: '/etc/subgid' } as const

/** The ranges of subuid(5) text, all owners, in order. A line that is none is left out, with a debug line. */
export function parseSubordinateIds(text: string, file: string): OwnedRange[] {
  const ranges: OwnedRange[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const [, owner = '', first = '', length = ''] = /^([^:]+):(\d{1,10}):(\d{1,10})$/.exec(trimmed) ?? []
    const start = Number(first)
    const count = Number(length)
    if (owner === '' || count === 0 || start + count - 1 > highestId)
      log.debug(`${file}, line ${index + 1}: "${trimmed}" is no range of ids, must be OWNER:START:COUNT`)
    else ranges.push({ owner, start, count })
  }
  return ranges
}

/** The ranges of one user, by name or by uid, in the file's order; a range that is listed twice counts once. */
export function rangesOf(ranges: readonly OwnedRange[], user: { name: string | undefined; uid: number }): IdRange[] {
  const own: IdRange[] = []
  for (const { owner, start, count } of ranges) {
    if (owner !== user.name && owner !== String(user.uid)) continue
    if (!own.some(range => range.start === start && range.count === count)) own.push({ start, count })
  }
  return own
}

/**
 * The extents of the user's namespace: his own id is 0, then come the ranges in order, from 1 on without gaps. Parts of ranges
 * that repeat an id already mapped are left out, as the kernel refuses a map with overlaps. Pure (user_namespaces(7)).
 */
export function planIdMappings(ownId: number, ranges: readonly IdRange[]): IdMapping[] {
  const mappings: IdMapping[] = [{ insideId: 0, outsideId: ownId, count: 1 }]
  appendRanges(mappings, 1, ranges)
  return mappings
}

/** The extents for root as the caller: ids from the ranges alone, so that no id inside is the host's root. */
export function planRootIdMappings(ranges: readonly IdRange[]): IdMapping[] {
  const mappings: IdMapping[] = []
  appendRanges(
    mappings,
    0,
    ranges.flatMap(range => subtract(range, { start: 0, count: 1 })),
  )
  return mappings
}

/** uid_map takes 340 extents since Linux 4.15. */
const mostExtents = 340

function appendRanges(mappings: IdMapping[], firstId: number, ranges: readonly IdRange[]): void {
  let insideId = firstId
  for (const range of ranges) {
    const taken = mappings.map(({ outsideId, count }) => ({ start: outsideId, count }))
    const free = taken.reduce((parts, each) => parts.flatMap(part => subtract(part, each)), [range])
    for (const { start, count } of free) {
      if (mappings.length === mostExtents) return
      mappings.push({ insideId, outsideId: start, count })
      insideId += count
    }
  }
}

/** The parts of `range` outside `other`, in order. */
export function subtract(range: IdRange, other: IdRange): IdRange[] {
  if (!overlaps(range, other)) return [range]
  const parts: IdRange[] = []
  const end = range.start + range.count
  const otherEnd = other.start + other.count
  if (range.start < other.start) parts.push({ start: range.start, count: other.start - range.start })
  if (otherEnd < end) parts.push({ start: otherEnd, count: end - otherEnd })
  return parts
}

export function overlaps(a: IdRange, b: IdRange): boolean {
  return a.start < b.start + b.count && b.start < a.start + a.count
}

/** A user's range that somebody else has too. */
export interface RangeConflict {
  range: IdRange
  /** Another owner in the same file, or a user or group of the system whose own id lies in the range. */
  with: { owner: string; range?: IdRange; id?: number }
}

/** Every overlap of a user's ranges with other owners' ranges and with ids in use by the system's users or groups. */
export function findConflicts(
  user: { name: string | undefined; uid: number },
  ranges: readonly OwnedRange[],
  systemIds: readonly { name: string; id: number }[],
): RangeConflict[] {
  const conflicts: RangeConflict[] = []
  const isOwn = (owner: string): boolean => owner === user.name || owner === String(user.uid)
  for (const range of rangesOf(ranges, user)) {
    for (const { owner, start, count } of ranges)
      if (!isOwn(owner) && overlaps(range, { start, count }))
        conflicts.push({ range, with: { owner, range: { start, count } } })
    for (const { name, id } of systemIds)
      if (overlaps(range, { start: id, count: 1 })) conflicts.push({ range, with: { owner: name, id } })
  }
  return conflicts
}

export interface SubordinateIds {
  uid: IdRange[]
  gid: IdRange[]
  source: 'files' | 'getsubids'
}

/**
 * This user's subordinate ids: from the two files, or through getsubids(1) where nsswitch.conf(5) names another source for
 * `subid`. Empty lists where there are none.
 */
export function readSubordinateIds(user: HostUser): SubordinateIds {
  if (usesNameService(readOptional('/etc/nsswitch.conf'))) {
    const getsubids = findProgram('getsubids')
    const name = passwdEntry(user.uid)?.name
    if (getsubids !== undefined && name !== undefined)
      return { uid: askGetsubids(getsubids, [name]), gid: askGetsubids(getsubids, ['-g', name]), source: 'getsubids' }
    log.debug('nsswitch.conf names a source for subordinate ids other than files, but getsubids is not installed')
  }
  // the name is asked for only where a range is not written by uid: it can take a name service to find
  const all = { uid: readRanges('uid'), gid: readRanges('gid') }
  const isNeeded = [...all.uid, ...all.gid].some(({ owner }) => owner !== String(user.uid))
  const owner = { uid: user.uid, name: isNeeded ? passwdEntry(user.uid)?.name : undefined }
  return { uid: rangesOf(all.uid, owner), gid: rangesOf(all.gid, owner), source: 'files' }
}

/** All ranges of /etc/subuid or /etc/subgid. */
export function readRanges(kind: IdKind): OwnedRange[] {
  return parseSubordinateIds(readOptional(databases[kind]), databases[kind])
}

/** True where nsswitch.conf has a `subid:` line that names something other than files. */
export function usesNameService(nsswitch: string): boolean {
  const sources = /^\s*subid\s*:([^#\n]*)/m.exec(nsswitch)?.[1]?.trim()
  return sources !== undefined && sources !== '' && !/^files\b/.test(sources)
}

function askGetsubids(program: string, args: string[]): IdRange[] {
  const { status, stdout } = runProgramSync(program, args, { timeoutMs: 10_000 })
  return status === 0 ? parseGetsubids(stdout) : []
}

/** The lines of getsubids(1): `0: alice 100000 65536`. */
export function parseGetsubids(text: string): IdRange[] {
  return [...text.matchAll(/^\d+:\s+\S+\s+(\d+)\s+(\d+)\s*$/gm)]
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => count > 0 && start + count - 1 <= highestId)
}

/** Ids of the users or groups that the machine's own files list, each as a range of one. */
export function systemIds(kind: IdKind): (IdRange & { name: string; id: number })[] {
  const text = readOptional(kind === 'uid' ? '/etc/passwd' : '/etc/group')
  const entries =
    kind === 'uid'
      ? parsePasswd(text).map(({ name, uid }) => ({ name, id: uid }))
      : [...text.matchAll(/^([^:#\n]+):[^:\n]*:(\d+):/gm)].map(([, name = '', gid]) => ({ name, id: Number(gid) }))
  return entries.map(entry => ({ ...entry, start: entry.id, count: 1 }))
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.debug(`reading "${path}": ${String(error)}`)
    return ''
  }
}
