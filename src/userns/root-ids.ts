// Which ids root's containers get when root is the caller: never the host's own root. Host namespaces.
import { statSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { isInUserNamespace } from '#host/kernel.ts'
import { type IdMapping, readIdMap } from './id-mapping.ts'
import { type IdRange, type OwnedRange, overlaps, rangesOf, readRanges, systemIds } from './subordinate-ids.ts'

const rootRangeCount = 65_536
const firstRootId = 1_000_000_000 // above what useradd and systemd-nspawn hand out, below 2^31: some programs take ids as signed
const lastRootId = 2_000_000_000

/**
 * Ids for root as the caller: those that subuid(5) gives to `root` or `containers`; else `remembered`; else a free high range,
 * the same for uids and gids, which the caller records. Never id 0 of the host. In a container, whose user namespace has no such range:
 * what it has.
 */
export function chooseRootIds(
  remembered: IdRange | undefined,
  files: { uid: readonly OwnedRange[]; gid: readonly OwnedRange[] } = {
    uid: readRanges('uid'),
    gid: readRanges('gid'),
  },
  existing: IdRange | undefined = isInUserNamespace() ? widest(readIdMap('self', 'uid')) : undefined,
): { uid: IdRange[]; gid: IdRange[]; toRemember?: IdRange } {
  for (const name of ['root', 'containers']) {
    const uid = rangesOf(files.uid, { name, uid: 0 })
    const gid = rangesOf(files.gid, { name, uid: 0 })
    if (uid.length > 0 && gid.length > 0) return { uid, gid }
  }
  if (existing !== undefined && existing.start + existing.count <= firstRootId)
    return { uid: [withoutZero(existing)], gid: [withoutZero(existing)] }
  if (remembered !== undefined) return { uid: [remembered], gid: [remembered] }
  const chosen = findFreeRange([...files.uid, ...files.gid, ...systemIds('uid'), ...systemIds('gid')])
  return { uid: [chosen], gid: [chosen], toRemember: chosen }
}

function widest(map: readonly IdMapping[]): IdRange | undefined {
  const ranges = map.map(({ insideId, count }) => ({ start: insideId, count }))
  return ranges.toSorted((a, b) => b.count - a.count)[0]
}

function withoutZero({ start, count }: IdRange): IdRange {
  return start === 0 ? { start: 1, count: count - 1 } : { start, count }
}

/** The ids that a store of root's already belongs to: its owner is its containers' root. `undefined` where there is none yet. */
export function rangeOfStore(graphRoot: string): IdRange | undefined {
  const uid = statSync(graphRoot, { throwIfNoEntry: false })?.uid ?? 0
  return uid >= firstRootId && uid < lastRootId ? { start: uid, count: rootRangeCount } : undefined
}

/** The lowest aligned range of 65,536 ids, high up unless `from` says otherwise, that touches none of those in use. Pure. */
export function findFreeRange(used: readonly IdRange[], from = firstRootId): IdRange {
  for (let start = Math.ceil(from / rootRangeCount) * rootRangeCount; start < lastRootId; start += rootRangeCount) {
    const candidate = { start, count: rootRangeCount }
    if (!used.some(range => overlaps(candidate, range))) return candidate
  }
  throw new TspodError(
    'CONFLICT',
    `choosing subordinate ids: no 65536 ids between ${from} and ${lastRootId} are free`,
    {
      hint: 'write a line `root:START:65536` into /etc/subuid and /etc/subgid',
    },
  )
}
