// What a storage driver kept of what was written, in the form that overlay gives it. In the worker.
import { mergeFolder, type Part, partOf } from '#storage/diff.ts'
import {
  isOpaque,
  makeOpaque,
  makeWhiteout,
  opaqueAttributes,
  opaqueMarker,
  whiteoutPrefix,
} from '#storage/whiteout.ts'
import { removeAttribute } from '#sys/attributes.ts'
import { nameArgument } from '#sys/byte-name.ts'
import { syscall } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { S_IFDIR, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt, setTimesOf } from '#sys/make-at.ts'
import type { WrittenRequest } from './protocol.ts'
import { takeChanges } from './take-changes.ts'

/** After it `upper` is a layer whichever driver it was, and the same one. */
export function settleUpper({ folder, driver, lower }: Pick<WrittenRequest, 'folder' | 'driver' | 'lower'>): void {
  if (driver === 'copy') return takeChanges(folder, lower)
  if (driver === 'overlay') return
  using stack = new DisposableStack()
  const open = (path: string): number => stack.use(openFile(path, O_RDONLY | O_DIRECTORY)).number
  settleMarks(open(`${folder}/upper`), lower.map(open).map(partOf))
}

/**
 * fuse-overlayfs(1) marks every folder that it makes as one that hides what is below, by an attribute and a file in it, and files may stand
 * for others that are gone. Marks that hide nothing go; the others become attributes and devices where the file system has those.
 */
function settleMarks(upper: number, below: readonly Part[]): void {
  const hidden = mergeFolder(below)
  const { accessed, modified } = statusAt(upper, '.')
  for (const { name } of readFolder(upper)) {
    if (name.startsWith(whiteoutPrefix)) {
      syscall('unlinkat', upper, nameArgument(name), 0)
      const gone = name.slice(whiteoutPrefix.length)
      if (name !== opaqueMarker && hidden.has(gone)) makeWhiteout(upper, gone)
      continue
    }
    if (statusAt(upper, name).type !== S_IFDIR) continue
    using stack = new DisposableStack()
    const open = (folder: number): number => stack.use(openAt(folder, name, O_RDONLY | O_DIRECTORY)).number
    const inside = open(upper)
    const was = hidden.get(name)
    const hides = isOpaque(upper, name)
    for (const attribute of opaqueAttributes.filter(each => each.startsWith('user.')))
      removeAttribute(upper, name, attribute)
    if (hides && was?.status.type === S_IFDIR) makeOpaque(upper, name)
    settleMarks(inside, hides ? [] : (was?.merged ?? []).map(index => partOf(open(below[index]?.fd ?? -1))))
  }
  setTimesOf(upper, accessed, modified)
}
