// Giving a folder with all that is in it to a container's user (`-v …:U`). Host namespaces; a worker inside the user's namespace does it.

import type { UserNamespace } from '#userns/user-namespace.ts'
import { runWorker } from '#userns/worker.ts'

/** What worker:give is asked; ids as the user's namespace counts them. */
export interface GiveRequest {
  path: string
  uid: number
  gid: number
}

/** Changes the owner of a file or folder and of everything below it, following no link. Throws DENIED for files of others. */
export async function giveTree(namespace: UserNamespace, request: GiveRequest): Promise<void> {
  await runWorker(namespace, 'give', request)
}
