// Several layers as one: what is uppermost of each name, whiteouts kept. Nothing is copied: files get another name in the new layer.
// In the worker.
import { isOpaque, isWhiteout, makeOpaque } from '#storage/whiteout.ts'
import type { ByteName } from '#sys/byte-name.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { findStatus, S_IFDIR, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { makeFolder, makeLink, openAt } from '#sys/make-at.ts'
import { copyFacts } from './copy-facts.ts'

/** Fills the empty folder `target` from layers' folders on the same file system, uppermost first. Without a base nothing is left to hide. */
export function mergeLayers(target: string, layers: readonly string[], hasBase: boolean): void {
  using stack = new DisposableStack()
  const folders = layers.map(path => stack.use(openFile(path, O_RDONLY | O_DIRECTORY)))
  using into = openFile(target, O_RDONLY | O_DIRECTORY)
  mergeFolders(into.number, folders, hasBase)
}

function mergeFolders(into: number, sources: readonly Fd[], hasBase: boolean): void {
  const seen = new Set<ByteName>()
  for (const [index, source] of sources.entries())
    for (const { name } of readFolder(source.number)) {
      if (seen.has(name)) continue
      seen.add(name)
      const status = statusAt(source.number, name)
      if (status.type === S_IFDIR) mergeName(into, name, sources.slice(index), hasBase)
      else if (hasBase || !isWhiteout(source.number, name, status)) makeLink(source.number, name, into, name)
    }
}

/** A folder with what the layers below it add, down to the first that hides them. */
function mergeName(into: number, name: ByteName, sources: readonly Fd[], hasBase: boolean): void {
  using stack = new DisposableStack()
  const folders: Fd[] = []
  let hides = false
  for (const source of sources) {
    const status = findStatus(source.number, name)
    if (status === undefined) continue
    hides = status.type !== S_IFDIR
    if (hides) break
    folders.push(stack.use(openAt(source.number, name, O_RDONLY | O_DIRECTORY)))
    hides = isOpaque(source.number, name)
    if (hides) break
  }
  const [top] = folders
  if (top === undefined) return
  makeFolder(into, name, 0o700)
  using made = openAt(into, name, O_RDONLY | O_DIRECTORY)
  // inside an opaque folder there is nothing below to hide
  mergeFolders(made.number, folders, hasBase && !hides)
  if (hides && hasBase) makeOpaque(made.number, '')
  copyFacts(top.number, statusAt(top.number, '.'), made)
}
