// Folders below `tmp/` for work under way: each has a lock that its process holds, so that whatever a dead process left is found.
// Host namespaces.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import { log } from '#log.ts'
import type { Fd } from '#sys/fd.ts'
import { statusOf } from '#sys/file-status.ts'
import { spreadSubfolders } from '#sys/inode-flags.ts'
import { tryLock } from '#sys/lock.ts'
import { type OpenNamespace, removeTree } from './remove-tree.ts'

const stagePrefix = 'stage-'
const trashPrefix = 'trash-'

/** An empty folder of this process. Disposing it removes what is still in it. */
export interface Staging extends AsyncDisposable {
  readonly path: string
}

/** Makes a folder, where it is missing, for trees that come and go: ext4 gives each a part of the disk of its own. */
export function makeSpreadFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  spreadSubfolders(path)
}

/** Makes a staging folder in the store. `what` becomes part of its name, for people who look. */
export function openStaging(graphRoot: string, what: string, openNamespace: OpenNamespace): Staging {
  const tmp = join(graphRoot, 'tmp')
  makeSpreadFolder(tmp)
  for (;;) {
    const path = join(tmp, `${stagePrefix}${what}-${randomHex(6)}`)
    const lock = lockExisting(`${path}.lock`)
    if (lock === undefined) continue
    mkdirSync(path, { mode: 0o700 })
    return {
      path,
      async [Symbol.asyncDispose](): Promise<void> {
        try {
          await removeTree(path, openNamespace)
        } finally {
          rmSync(`${path}.lock`, { force: true })
          lock.close()
        }
      },
    }
  }
}

/** The lock, if it still is the file of that name: a sweeper may have removed it between the two calls. */
function lockExisting(path: string): Fd | undefined {
  const lock = tryLock(path)
  if (lock === undefined) return undefined
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.ino === statusOf(lock.number).inode) return lock
  lock.close()
  return undefined
}

/** Makes a file or folder of the store vanish at once; `emptyTrash` or the next sweep removes it for good. Returns where it is. */
export function moveToTrash(graphRoot: string, path: string): string {
  const tmp = join(graphRoot, 'tmp')
  mkdirSync(tmp, { recursive: true, mode: 0o700 })
  const trash = join(tmp, `${trashPrefix}${basename(path).slice(0, 64)}-${randomHex(6)}`)
  renameSync(path, trash)
  return trash
}

/** Removes what dead processes left below `tmp/`: staging folders that nobody holds, and trash. Returns what was removed. */
export async function sweepStaging(graphRoot: string, openNamespace: OpenNamespace): Promise<string[]> {
  const tmp = join(graphRoot, 'tmp')
  const removed: string[] = []
  for (const name of namesIn(tmp)) {
    if (name.startsWith(stagePrefix) && !name.endsWith('.lock'))
      await sweepStage(join(tmp, name), openNamespace, removed)
    else if (name.startsWith(trashPrefix)) {
      await removeTree(join(tmp, name), openNamespace)
      removed.push(join(tmp, name))
    }
  }
  for (const name of namesIn(tmp)) {
    if (!name.startsWith(stagePrefix) || !name.endsWith('.lock')) continue
    using lock = tryLock(join(tmp, name))
    const folder = join(tmp, name.slice(0, -'.lock'.length))
    if (lock !== undefined && statSync(folder, { throwIfNoEntry: false }) === undefined)
      rmSync(join(tmp, name), { force: true })
  }
  return removed
}

/** What `sweepStaging` would remove at this moment; trash only where its owner has had ten minutes for it, or as long as is said. */
export function findLeftovers(graphRoot: string, trashAgeMs = 600_000): string[] {
  const tmp = join(graphRoot, 'tmp')
  return namesIn(tmp)
    .filter(name => {
      if (name.startsWith(trashPrefix))
        return (statSync(join(tmp, name), { throwIfNoEntry: false })?.ctimeMs ?? Date.now()) <= Date.now() - trashAgeMs
      if (!name.startsWith(stagePrefix) || name.endsWith('.lock')) return false
      using lock = tryLock(join(tmp, `${name}.lock`))
      return lock !== undefined
    })
    .map(name => join(tmp, name))
}

/** Sweeps where there is something that nobody will come back for: a look at one folder, else. */
export async function sweepLeftovers(graphRoot: string, openNamespace: OpenNamespace): Promise<void> {
  if (findLeftovers(graphRoot).length > 0) await sweepStaging(graphRoot, openNamespace)
}

async function sweepStage(path: string, openNamespace: OpenNamespace, removed: string[]): Promise<void> {
  using lock = tryLock(`${path}.lock`)
  if (lock === undefined) return
  await removeTree(path, openNamespace)
  rmSync(`${path}.lock`, { force: true })
  removed.push(path)
  log.debug(`removed "${path}", which a process left that is gone`)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
