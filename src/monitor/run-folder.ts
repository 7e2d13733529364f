// Where a container's sockets lie, below the runtime folder. It can vanish at any time.
import { join } from 'node:path'

/** `<runRoot>/<first 12 of the id>`: short, since a socket's path may have 107 bytes. */
export function runFolder(runRoot: string, id: string): string {
  return join(runRoot, id.slice(0, 12))
}

/** The socket that attached clients connect to, in that folder. */
export const attachSocketName = 'attach'
