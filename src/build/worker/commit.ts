// A step's writable folder as a layer: what only mounting left is taken out, times are changed where that was asked for, the archive is
// written and hashed. In the worker.
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { Packer } from '#image/pack.ts'
import { digestOf } from '#oci/digest.ts'
import type { LayerRecord } from '#storage/layer-record.ts'
import { isOpaque } from '#storage/whiteout.ts'
import { type ByteName, byteName, nameArgument } from '#sys/byte-name.ts'
import { trySyscall } from '#sys/call.ts'
import { type Fd, openFile, writeFully } from '#sys/fd.ts'
import { findStatus, S_IFDIR, S_IFREG } from '#sys/file-status.ts'
import { AT_REMOVEDIR, O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt, setTimes } from '#sys/make-at.ts'
import type { MadeLayer, TimeRule } from './protocol.ts'

export interface CommitInputs {
  folder: string
  parent?: string
  times?: TimeRule
}

/** Makes `layer/` and `layer.tar` of `upper`. */
export function commitLayer({ folder, parent, times }: CommitInputs): MadeLayer {
  using upper = openFile(join(folder, 'upper'), O_RDONLY | O_DIRECTORY)
  if (times !== undefined) changeTimes(upper.number, '', times)
  let sizeBytes = 0
  let entries = 0
  const packer = new Packer({
    isLayer: true,
    edit: entry => {
      entries++
      sizeBytes += entry.size
      return entry
    },
  })
  const hash = createHash('sha256')
  let archiveBytes = 0
  {
    using archive = openFile(join(folder, 'layer.tar'), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    for (const pieces of [packer.pack(upper.number, '', ''), packer.finish()])
      for (const piece of pieces) {
        hash.update(piece)
        archiveBytes += piece.byteLength
        writeFully(archive.number, piece)
      }
  }
  const made: MadeLayer = { diffId: digestOf(hash.digest('hex')), archiveBytes, sizeBytes, entries }
  const record: LayerRecord = {
    ...made,
    ...(parent !== undefined && { parent: parent as LayerRecord['parent'] }),
    skippedDevices: [],
    skippedAttributes: [],
    impliedFolders: [],
    hasOwners: false,
  }
  mkdirSync(join(folder, 'layer'), { mode: 0o755 })
  renameSync(join(folder, 'upper'), join(folder, 'layer', 'diff'))
  writeFileSync(join(folder, 'layer', 'layer.json'), JSON.stringify(record))
  using place = openFile(folder, O_RDONLY | O_DIRECTORY)
  trySyscall('syncfs', place.number)
  return made
}

function changeTimes(folder: number, name: ByteName, rule: TimeRule): void {
  using inner = name === '' ? openAt(folder, '.', O_RDONLY | O_DIRECTORY) : openAt(folder, name, O_RDONLY | O_DIRECTORY)
  for (const { name: each } of readFolder(inner.number)) {
    const status = findStatus(inner.number, each)
    if (status?.type === S_IFDIR) changeTimes(inner.number, each, rule)
    else changeTime(inner.number, each, rule)
  }
  changeTime(inner.number, '.', rule)
}

function changeTime(folder: number, name: ByteName, { kind, seconds }: TimeRule): void {
  const modified = findStatus(folder, name)?.modified
  if (modified === undefined) return
  const isLate = modified.seconds > seconds || (modified.seconds === seconds && modified.nanoseconds > 0)
  const time = { seconds, nanoseconds: 0 }
  if (kind === 'set' || isLate) setTimes(folder, name, time, time)
}

/**
 * Takes out of an upper folder what is there only because something was mounted: the empty file or folder itself, and folders above it
 * that hold nothing else and are as they are below.
 */
export function tidyMountPoints(folder: string, mountPoints: readonly string[], lower: readonly string[]): void {
  using upper = openFile(join(folder, 'upper'), O_RDONLY | O_DIRECTORY)
  for (const path of mountPoints.toSorted((a, b) => b.length - a.length)) {
    if (!removePlace(upper.number, path)) continue
    for (let above = dirname(path); above !== '/'; above = dirname(above))
      if (!removeUnchanged(upper.number, above, lower)) break
  }
}

/** True where a place was there and is gone. */
function removePlace(upper: number, path: string): boolean {
  using parent = openPath(upper, dirname(path))
  const name = byteName(path.slice(path.lastIndexOf('/') + 1))
  if (parent === undefined || name === '') return false
  const status = findStatus(parent.number, name)
  if (status === undefined) return false
  if (status.type === S_IFDIR)
    return (
      !isOpaque(parent.number, name) && trySyscall('unlinkat', parent.number, nameArgument(name), AT_REMOVEDIR) === 0
    )
  return (
    status.type === S_IFREG && status.size === 0 && trySyscall('unlinkat', parent.number, nameArgument(name), 0) === 0
  )
}

function removeUnchanged(upper: number, path: string, lower: readonly string[]): boolean {
  using here = openPath(upper, path)
  if (here === undefined || readFolder(here.number).length > 0 || isOpaque(here.number, '')) return false
  const own = findStatus(here.number, '')
  const below = lower.map(each => statusBelow(each, path)).find(status => status !== undefined)
  const isSame =
    below === undefined ||
    (below.mode === own?.mode && below.uid === own.uid && below.gid === own.gid && below.type === S_IFDIR)
  if (!isSame) return false
  using parent = openPath(upper, dirname(path))
  const name = byteName(path.slice(path.lastIndexOf('/') + 1))
  return parent !== undefined && trySyscall('unlinkat', parent.number, nameArgument(name), AT_REMOVEDIR) === 0
}

function statusBelow(folder: string, path: string) {
  using root = openFile(folder, O_RDONLY | O_DIRECTORY)
  using parent = openPath(root.number, dirname(path))
  return parent === undefined ? undefined : findStatus(parent.number, byteName(path.slice(path.lastIndexOf('/') + 1)))
}

/** A folder beneath another, following no link at all; `undefined` where there is none. */
function openPath(root: number, path: string): Fd | undefined {
  let folder = openAt(root, '.', O_RDONLY | O_DIRECTORY)
  for (const part of path.split('/').filter(each => each !== '')) {
    if (findStatus(folder.number, byteName(part))?.type !== S_IFDIR) {
      folder.close()
      return undefined
    }
    const next = openAt(folder.number, byteName(part), O_RDONLY | O_DIRECTORY)
    folder.close()
    folder = next
  }
  return folder
}
