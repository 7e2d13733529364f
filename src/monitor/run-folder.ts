// Where a container's sockets lie, below the runtime folder. It can vanish at any time.
import { join } from 'node:path'

/** `<runRoot>/<first 12 of the id>`: short, since a socket's path may have 107 bytes. */
export function runFolder(runRoot: string, id: string): string {
  return join(runRoot, id.slice(0, 12))
}

/**
 * The folder in it for sockets of the network helper, which makes them as the container's root: everyone may write there, and nobody
 * else gets there, since the folder above is the user's alone.
 */
export function helperFolder(runRoot: string, id: string): string {
  return join(runFolder(runRoot, id), 'helper')
}

/** The folder in it that a container is given, with the socket for its service manager. */
export function notifyFolder(runRoot: string, id: string): string {
  return join(runFolder(runRoot, id), 'notify')
}

/** The socket that attached clients connect to, in that folder. */
export const attachSocketName = 'attach'
