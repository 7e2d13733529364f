// A symbolic link in a root file system that a servant has mounted. Pure.
import {
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '#sys/flags.ts'
import { type Argument, type Call, call, tolerate } from '#sys/servant/batch.ts'

/**
 * Makes `name` in a folder beneath the root, whatever links lead there; one batch. Where the folder is missing, or something of this
 * name is there, nothing happens. `owner`, as the user's namespace counts: absent, whoever makes it.
 */
export function planLink(
  root: string,
  { folder, name, target }: { folder: string; name: string; target: string },
  owner?: { uid: number; gid: number },
): Call[] {
  const link = inFolder(root, folder, 0, place => call('symlinkat', target, place, name))
  if (owner === undefined) return link
  const give = (place: Argument): Call => call('fchownat', place, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW)
  return [...link, ...inFolder(root, folder, link.length, give)]
}

/** One call in a folder beneath the root; `first` is how many calls precede these in the batch. */
function inFolder(root: string, folder: string, first: number, act: (place: Argument) => Call): Call[] {
  const how = new BigUint64Array([
    BigInt(O_PATH | O_DIRECTORY | O_CLOEXEC),
    0n,
    BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
  ])
  return [
    call('openat', -100, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
    tolerate('any', call('openat2', { resultOf: first }, folder, { memory: how }, 24)),
    tolerate('any', act({ resultOf: first + 1 })),
    call('close', { resultOf: first }),
    tolerate('any', call('close', { resultOf: first + 1 })),
  ]
}
