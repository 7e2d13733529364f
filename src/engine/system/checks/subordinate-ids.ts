// Check: the ids a user may map besides his own.
import type { Check } from '#engine/contracts/system.ts'
import { findFreeRange } from '#userns/root-ids.ts'
import {
  findConflicts,
  type IdKind,
  type IdRange,
  type OwnedRange,
  type RangeConflict,
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
  const mend = administrator(addRange(user.name ?? String(user.uid), file, [...all, ...facts.systemIds.map(asRange)]))
  if (total === 0) return check.fail(`${where} gives you none`, mend)
  if (total < usualCount) return check.warn(`${where} gives you ${total}, images expect ${usualCount}`, mend)
  const [conflict, ...more] = source === 'files' ? findConflicts(user, all, facts.systemIds) : []
  if (conflict !== undefined)
    return check.warn(
      `${describe(conflict)}${more.length > 0 ? ` (and ${more.length} more)` : ''}: containers of both can touch each other's files`,
      administrator(`give each user a range of its own in ${file}`),
    )
  return check.ok(
    `${total} (${own.map(({ start, count }) => `${start}-${start + count - 1}`).join(', ')}) from ${where}`,
  )
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

/** Both files get the same range: a range free in this one is nearly always free in the other. */
function addRange(owner: string, file: string, used: readonly IdRange[]): string {
  const { start, count } = findFreeRange(used, firstSuggestion)
  return `echo '${owner}:${start}:${count}' | sudo tee -a ${file}`
}
