// Giving a file of the store to an id inside the user's namespace. Host namespaces; a servant inside does it.
import { AT_SYMLINK_NOFOLLOW } from '#sys/flags.ts'
import { waitProcess } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'
import { enterCalls } from '#userns/user-namespace.ts'
import type { OpenNamespace } from './remove-tree.ts'

/** Calls that give files to ids of the namespace, for a servant that is in it. */
export function giveCalls(paths: readonly string[], uid: number, gid: number): Call[] {
  return paths.map(path => call('fchownat', -100, path, uid, gid, AT_SYMLINK_NOFOLLOW))
}

/** Changes the owner to ids as the namespace counts them, and then the mode. Throws a SystemCallError, EINVAL for ids not mapped. */
export async function giveInside(
  openNamespace: OpenNamespace,
  path: string,
  uid: number,
  gid: number,
  mode?: number,
): Promise<void> {
  const servant = Servant.start([], enterCalls(await openNamespace()))
  const calls: Call[] = [call('fchownat', -100, path, uid, gid, 0)]
  if (mode !== undefined) calls.push(call('fchmodat', -100, path, mode))
  try {
    servant.do(calls)
  } finally {
    servant.close()
    waitProcess(servant.pid)
  }
}
