// A store of its own for one test file, with the user's namespace kept below it.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '#host/helper-programs.ts'
import { hostUser } from '#host/user.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { planIdMappings, readSubordinateIds } from '#userns/subordinate-ids.ts'
import { type NamespaceWish, openUserNamespace, type UserNamespace } from '#userns/user-namespace.ts'

export interface TestStore extends AsyncDisposable {
  graphRoot: string
  namespace: UserNamespace
  openNamespace(): UserNamespace
}

/** The wish of the full mapping; `undefined` where this user has no subordinate ids. */
export function fullWish(): NamespaceWish | undefined {
  const user = hostUser()
  const ids = readSubordinateIds(user)
  const [newuidmap, newgidmap] = [findProgram('newuidmap'), findProgram('newgidmap')]
  if (user.isRoot || ids.uid.length === 0 || newuidmap === undefined || newgidmap === undefined) return undefined
  const mappings = { uid: planIdMappings(user.uid, ids.uid), gid: planIdMappings(user.gid, ids.gid) }
  return { mode: 'full', mappings, writer: { kind: 'helpers', newuidmap, newgidmap } }
}

/** The wish of a single id. */
export function singleWish(): NamespaceWish {
  const user = hostUser()
  return {
    mode: 'single',
    mappings: { uid: planIdMappings(user.uid, []), gid: planIdMappings(user.gid, []) },
    writer: { kind: 'self' },
  }
}

export async function openTestStore(wish: NamespaceWish): Promise<TestStore> {
  const base = join(homedir(), '.cache', 'tspod-tests')
  mkdirSync(base, { recursive: true })
  const folder = mkdtempSync(join(base, 'store-'))
  const runRoot = join(folder, 'run')
  const graphRoot = join(folder, 'graph')
  mkdirSync(runRoot, { mode: 0o700 })
  mkdirSync(graphRoot, { mode: 0o700 })
  const namespace = await openUserNamespace(runRoot, wish, () => false)
  return {
    graphRoot,
    namespace,
    openNamespace: () => namespace,
    async [Symbol.asyncDispose]() {
      await removeTree(folder, () => namespace)
      killProcess(namespace.keeper.pid, SIGKILL)
      waitProcess(namespace.keeper.pid)
      namespace[Symbol.dispose]()
    },
  }
}
