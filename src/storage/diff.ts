// What differs between two root file systems that are made of layers. Inside the user's namespace (worker:diff), as its root.
//
// Theory of operation. A folder of a merged view is a list of folders, uppermost first. Both views are walked at the same time; where
// both are made of the very same folders nothing below can differ, and where the same file decides, it is the same. So a container is
// compared with its image by what its writable layer touches, and the rest of the tree is never read.
import type { ByteName } from '#sys/byte-name.ts'
import { nameText } from '#sys/byte-name.ts'
import { openFile } from '#sys/fd.ts'
import { type FileStatus, S_IFDIR, S_IFLNK, statusAt, statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt } from '#sys/make-at.ts'
import { readLinkAt } from '#sys/open-beneath.ts'
import { isOpaque, isWhiteout, opaqueMarker, whiteoutPrefix } from './whiteout.ts'

export interface PathChange {
  kind: 'added' | 'changed' | 'deleted'
  path: string
}

export interface DiffRequest {
  /** folders of the view that is looked at, uppermost first */
  left: string[]
  /** folders of the view it is compared with */
  right: string[]
}

/** One of the folders that a merged folder is made of. */
export interface Part {
  fd: number
  key: string
}

/** What decides a name in a merged folder. */
export interface Found {
  status: FileStatus
  /** the part it is in */
  in: number
  /** parts that have a folder of this name and are merged, for folders */
  merged: number[]
}

/** worker:diff: the changes in the order of their paths, each folder before what is in it. */
export function diffWorker({ left, right }: DiffRequest): PathChange[] {
  using stack = new DisposableStack()
  const open = (path: string): Part => partOf(stack.use(openFile(path, O_RDONLY | O_DIRECTORY)).number)
  return compare(left.map(open), right.map(open), '')
}

export function partOf(fd: number): Part {
  const { device, inode } = statusOf(fd)
  return { fd, key: `${device} ${inode}` }
}

function compare(left: readonly Part[], right: readonly Part[], path: string): PathChange[] {
  if (left.length === right.length && left.every(({ key }, index) => key === right[index]?.key)) return []
  const ours = mergeFolder(left)
  const theirs = mergeFolder(right)
  const changes: PathChange[] = []
  for (const name of [...new Set([...ours.keys(), ...theirs.keys()])].toSorted()) {
    const at = `${path}/${nameText(name)}`
    const our = ours.get(name)
    const their = theirs.get(name)
    if (our === undefined) changes.push({ kind: 'deleted', path: at })
    else if (our.status.type === S_IFDIR) changes.push(...compareFolder(left, our, right, their, name, at))
    else if (their === undefined) changes.push({ kind: 'added', path: at })
    else if (differs(left, our, right, their, name)) changes.push({ kind: 'changed', path: at })
  }
  return changes
}

function compareFolder(
  left: readonly Part[],
  our: Found,
  right: readonly Part[],
  their: Found | undefined,
  name: ByteName,
  path: string,
): PathChange[] {
  using stack = new DisposableStack()
  const open = (parts: readonly Part[], found: Found): Part[] =>
    found.merged.map(index => partOf(stack.use(openAt(parts[index]?.fd ?? -1, name, O_RDONLY | O_DIRECTORY)).number))
  const isNew = their === undefined || their.status.type !== S_IFDIR
  const inside = compare(open(left, our), isNew ? [] : open(right, their), path)
  if (their === undefined) return [{ kind: 'added', path }, ...inside]
  const isChanged = isNew || inside.length > 0 || factsDiffer(our.status, their.status)
  return isChanged ? [{ kind: 'changed', path }, ...inside] : []
}

function differs(left: readonly Part[], our: Found, right: readonly Part[], their: Found, name: ByteName): boolean {
  const [a, b] = [our.status, their.status]
  if (a.device === b.device && a.inode === b.inode) return false
  if (factsDiffer(a, b) || a.size !== b.size) return true
  if (a.deviceMajor !== b.deviceMajor || a.deviceMinor !== b.deviceMinor) return true
  if (a.type !== S_IFLNK) return false
  return readLinkAt(left[our.in]?.fd ?? -1, name) !== readLinkAt(right[their.in]?.fd ?? -1, name)
}

export function factsDiffer(a: FileStatus, b: FileStatus): boolean {
  return (
    a.type !== b.type ||
    a.mode !== b.mode ||
    a.uid !== b.uid ||
    a.gid !== b.gid ||
    a.modified.seconds !== b.modified.seconds ||
    a.modified.nanoseconds !== b.modified.nanoseconds
  )
}

/** The names in a merged folder: the uppermost part that has one decides, whiteouts hide what is below. */
export function mergeFolder(parts: readonly Part[]): Map<ByteName, Found> {
  const found = new Map<ByteName, Found>()
  /** names that nothing further down adds to */
  const closed = new Set<ByteName>()
  for (const [index, { fd }] of parts.entries()) {
    const hidden: ByteName[] = []
    for (const { name } of readFolder(fd)) {
      if (name === opaqueMarker) continue
      if (name.startsWith(whiteoutPrefix)) hidden.push(name.slice(whiteoutPrefix.length))
      else if (!closed.has(name) && mergeName(found, index, fd, name)) hidden.push(name)
    }
    for (const name of hidden) closed.add(name)
  }
  return found
}

/** Takes one part's file into account. True where nothing below counts any more. */
function mergeName(found: Map<ByteName, Found>, index: number, fd: number, name: ByteName): boolean {
  const status = statusAt(fd, name)
  if (isWhiteout(fd, name, status)) return true
  const above = found.get(name)
  if (status.type !== S_IFDIR) {
    if (above === undefined) found.set(name, { status, in: index, merged: [] })
    return true
  }
  if (above === undefined) found.set(name, { status, in: index, merged: [index] })
  else above.merged.push(index)
  return isOpaque(fd, name)
}
