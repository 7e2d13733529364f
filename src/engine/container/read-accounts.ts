// The passwd and group files of a container that runs. Host namespaces.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import type { Accounts } from '#container/users.ts'
import type { Engine } from '#engine/open.ts'
import { readChainFile } from '#storage/chain-file.ts'
import { imageOfRecord } from './choose-image.ts'
import { ownersOf, rootOf } from './root.ts'

/** As its processes see them; where FUSE keeps us out of its root file system, from what that is made of. */
export async function readAccounts(engine: Engine, id: ContainerId, pid: number): Promise<Accounts> {
  const root = `/proc/${pid}/root`
  if (isReachable(root))
    return { passwd: readChainFile([root], 'etc/passwd'), group: readChainFile([root], 'etc/group') }
  const folder = containerDir(engine.graphRoot, id)
  const record = readRecord(engine.graphRoot, id)
  const image = record.image === undefined ? undefined : await imageOfRecord(engine, record)
  const { folders } = await rootOf(engine, record.request, image, folder, ownersOf(record))
  const read = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : readChainFile(folders, `etc/${name}`)
  return { passwd: read('passwd'), group: read('group') }
}

function isReachable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // a FUSE file system serves its own user namespace only (mount.fuse(8), allow_other)
  }
}
