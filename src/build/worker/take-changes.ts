// What a step has changed in a copy of all layers becomes a layer: for the storage driver that has none of its own. In the worker.
//
// A file has changed where its facts are others than below, or its inode was written to after the copying (st_ctim): the same that
// brings a file into overlay's writable layer. What is taken is moved, not copied.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Found, factsDiffer, mergeFolder, type Part, partOf } from '#storage/diff.ts'
import { makeWhiteout } from '#storage/whiteout.ts'
import { type ByteName, nameArgument } from '#sys/byte-name.ts'
import { syscall } from '#sys/call.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { type FileStatus, type FileTime, S_IFDIR, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { makeFolder, openAt } from '#sys/make-at.ts'
import { copyFacts } from './copy-facts.ts'

/** Fills `upper` from `merged`, which is of no use after that. `lower`: the layers that it is a copy of, uppermost first. */
export function takeChanges(folder: string, lower: readonly string[]): void {
  mkdirSync(join(folder, 'upper'), { mode: 0o755 })
  using place = openFile(folder, O_RDONLY | O_DIRECTORY)
  using upper = openFolder(place.number, 'upper')
  using stack = new DisposableStack()
  const below = lower.map(path => partOf(stack.use(openFile(path, O_RDONLY | O_DIRECTORY)).number))
  const since = statusAt(place.number, 'copied').modified
  const status = statusAt(place.number, 'merged')
  using merged = openFolder(place.number, 'merged')
  takeFolder(merged.number, below, () => upper, since)
  copyFacts(merged.number, status, upper)
}

const openFolder = (folder: number, name: ByteName): Fd => openAt(folder, name, O_RDONLY | O_DIRECTORY)

/** `target` makes the folder in the new layer when something is first put there. */
function takeFolder(merged: number, below: readonly Part[], target: () => Fd, since: FileTime): void {
  const before = mergeFolder(below)
  for (const { name } of readFolder(merged)) {
    const status = statusAt(merged, name)
    const was = before.get(name)
    before.delete(name)
    if (was !== undefined && was.status.type === S_IFDIR && status.type === S_IFDIR)
      takeInside({ merged, name, status }, below, was, target, since)
    else if (was === undefined || isChanged(status, was.status, since))
      syscall('renameat2', merged, nameArgument(name), target().number, nameArgument(name), 0)
  }
  for (const name of before.keys()) makeWhiteout(target().number, name)
}

/** A folder that is there before and after. Its own facts are read before anything is taken out of it. */
function takeInside(
  { merged, name, status }: { merged: number; name: ByteName; status: FileStatus },
  below: readonly Part[],
  was: Found,
  target: () => Fd,
  since: FileTime,
): void {
  using stack = new DisposableStack()
  const inside = stack.use(openFolder(merged, name))
  const parts = was.merged.map(index => partOf(stack.use(openFolder(below[index]?.fd ?? -1, name)).number))
  let made: Fd | undefined
  const make = (): Fd => {
    if (made !== undefined) return made
    const parent = target().number
    makeFolder(parent, name, 0o700)
    made = stack.use(openFolder(parent, name))
    return made
  }
  takeFolder(inside.number, parts, make, since)
  if (isChanged(status, was.status, since)) make()
  if (made !== undefined) copyFacts(inside.number, status, made)
}

function isChanged(now: FileStatus, before: FileStatus, since: FileTime): boolean {
  const isLater =
    now.changed.seconds > since.seconds ||
    (now.changed.seconds === since.seconds && now.changed.nanoseconds > since.nanoseconds)
  return isLater || factsDiffer(now, before) || (now.type !== S_IFDIR && now.size !== before.size)
}
