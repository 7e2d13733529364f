// worker:give: changes owners of a whole tree. Inside the user's namespace, as its root. Follows no link.
import { realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { TspodError } from '#errors.ts'
import { type ByteName, byteName, nameText } from '#sys/byte-name.ts'
import { systemCallError } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { S_IFDIR, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt, tryChangeOwner } from '#sys/make-at.ts'
import type { GiveRequest } from './give-tree.ts'

/** The path itself may be a link: what it leads to is given. */
export function giveWorker({ path, uid, gid }: GiveRequest): void {
  const real = realpathSync(path)
  const name = byteName(basename(real))
  using parent = openFile(dirname(real), O_PATH | O_DIRECTORY)
  give(parent.number, name === '' ? '.' : name, path, { uid, gid })
  if (statusAt(parent.number, name).type !== S_IFDIR) return
  using folder = openAt(parent.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  giveContents(folder.number, path, { uid, gid })
}

function giveContents(folder: number, path: string, owner: { uid: number; gid: number }): void {
  for (const { name, isFolder, isUnknown } of readFolder(folder)) {
    const at = `${path}/${nameText(name)}`
    give(folder, name, at, owner)
    if (!isFolder && !(isUnknown && statusAt(folder, name).type === S_IFDIR)) continue
    using inner = openAt(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    giveContents(inner.number, at, owner)
  }
}

const EPERM = -1

function give(folder: number, name: ByteName, path: string, { uid, gid }: { uid: number; gid: number }): void {
  const status = statusAt(folder, name)
  if (status.uid === uid && status.gid === gid) return
  const result = tryChangeOwner(folder, name, uid, gid)
  if (result >= 0) return
  if (result !== EPERM) throw systemCallError('fchownat', result, path)
  throw new TspodError('DENIED', `giving "${path}" to the container's user: it belongs to somebody else`, {
    hint: 'only files of yours, or of your subordinate ids, can be given away: leave out the option U',
  })
}
