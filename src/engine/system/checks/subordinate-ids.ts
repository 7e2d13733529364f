// Check: the ids a user may map besides his own.
import type { Check } from '#engine/contracts/system.ts'
import { findFreeRange } from '#userns/root-ids.ts'
import {
  findConflicts,
  type IdKind,
  type IdRange,
  type OwnedRange,
  type RangeConflict,
  subtract,
} from '#userns/subordinate-ids.ts'
import { administrator, checking } from './check.ts'

/** Images use ids up to 65,534 (nobody); fewer than this many and some of them cannot be unpacked. */
const usualCount = 65_536

export interface SubordinateIdFacts {
  user: { name: string | undefined; uid: number; isRoot: boolean }
  own: readonly IdRange[]
  source: 'files' | 'getsubids'
  /** everybody's, from the file */
  all: readonly OwnedRange[]
  systemIds: readonly { name: string; id: number }[]
  /** The ids that exist in the user namespace that tspod runs in; absent in the kernel's first, which has all. */
  existing?: readonly IdRange[]
}

/** None, too few, or shared with somebody else. */
export function checkSubordinateIds(kind: IdKind, facts: SubordinateIdFacts): Check {
  const { user, own, source, all } = facts
  const file = `/etc/sub${kind}`
  const what = kind === 'uid' ? 'user' : 'group'
  const check = checking(
    `subordinate ${what} ids`,
    `files and processes in a container get these ${what} ids besides your own`,
  )
  if (user.isRoot) return check.skip('root takes a range for containers by itself')
  const total = own.reduce((sum, { count }) => sum + count, 0)
  const where = source === 'files' ? file : 'getsubids'
  const used = [...all, ...facts.systemIds.map(asRange)]
  const mend = administrator(addRange(user.name ?? String(user.uid), file, used))
  if (total === 0) return check.fail(`${where} gives you none`, mend)
  if (total < usualCount) return check.warn(`${where} gives you ${total}, images expect ${usualCount}`, mend)
  if (facts.existing !== undefined && !own.every(range => isWithin(range, facts.existing ?? [])))
    return check.fail(
      `${where} gives you ${written(own)}, but the container that tspod runs in has only ${written(facts.existing)}`,
      administrator(takeAll(user, file, facts.existing)),
    )
  const [conflict, ...more] = source === 'files' ? findConflicts(user, all, facts.systemIds) : []
  if (conflict !== undefined)
    return check.warn(
      `${describe(conflict)}${more.length > 0 ? ` (and ${more.length} more)` : ''}: containers of both can touch each other's files`,
      administrator(changeRange(ownerOf(conflict.range, all, user), file, conflict.range, used)),
    )
  return check.ok(`${total} (${written(own)}) from ${where}`)
}

function written(ranges: readonly IdRange[]): string {
  return ranges.map(({ start, count }) => `${start}-${start + count - 1}`).join(', ')
}

function isWithin({ start, count }: IdRange, existing: readonly IdRange[]): boolean {
  return existing.some(each => each.start <= start && start + count <= each.start + each.count)
}

/** All ids of a container but root's and the user's own: nobody else in there needs them. */
function takeAll(
  { name, uid }: { name: string | undefined; uid: number },
  file: string,
  existing: readonly IdRange[],
): string {
  const owner = name ?? String(uid)
  const free = [0, uid].reduce(
    (ranges, id) => ranges.flatMap(range => subtract(range, { start: id, count: 1 })),
    [...existing],
  )
  const lines = free.map(({ start, count }) => `${owner}:${start}:${count}\\n`).join('')
  return `sudo sed -i '/^${owner}:/d' ${file} && printf '${lines}' | sudo tee -a ${file}`
}

function asRange({ id }: { id: number }): IdRange {
  return { start: id, count: 1 }
}

function describe({ range, with: other }: RangeConflict): string {
  const own = `your range ${range.start}-${range.start + range.count - 1}`
  if (other.range === undefined) return `${own} holds id ${other.id} of "${other.owner}"`
  return `${own} overlaps ${other.range.start}-${other.range.start + other.range.count - 1} of "${other.owner}"`
}

const firstSuggestion = 100_000

/** How the file names the user: by name or by number. */
function ownerOf(range: IdRange, all: readonly OwnedRange[], { name, uid }: SubordinateIdFacts['user']): string {
  const isHis = ({ owner, start, count }: OwnedRange): boolean =>
    start === range.start && count === range.count && (owner === name || owner === String(uid))
  return all.find(isHis)?.owner ?? name ?? String(uid)
}

/** An edit of the file: usermod(8) refuses a user who has processes, and this one has. */
function changeRange(owner: string, file: string, { start, count }: IdRange, used: readonly IdRange[]): string {
  const free = findFreeRange(used, firstSuggestion)
  return `sudo sed -i 's/^${owner}:${start}:${count}$/${owner}:${free.start}:${free.count}/' ${file}`
}

/** Both files get the same range: a range free in this one is nearly always free in the other. */
function addRange(owner: string, file: string, used: readonly IdRange[]): string {
  const { start, count } = findFreeRange(used, firstSuggestion)
  return `echo '${owner}:${start}:${count}' | sudo tee -a ${file}`
}
