// Putting folders of this machine into a root file system that a worker has mounted for itself. Pure.
import { O_CLOEXEC, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '#sys/flags.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'

const OPEN_TREE_CLONE_RECURSIVE = 1 | 0x8000 | O_CLOEXEC
const MOVE_MOUNT_EMPTY_PATHS = 4 | 0x40

/**
 * Mounts each source beneath the root, whatever links lead there; where the place or the source is missing nothing happens. `first`
 * is how many calls precede these in the batch.
 */
export function planBinds(
  root: string,
  binds: readonly { source: string; destination: string }[],
  first: number,
): Call[] {
  return binds.flatMap(({ source, destination }, index) => bindCalls(root, source, destination, first + 5 * index))
}

function bindCalls(root: string, source: string, destination: string, first: number): Call[] {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)])
  return [
    call('openat', -100, root, O_PATH | O_CLOEXEC, 0),
    tolerate('any', call('open_tree', -100, source, OPEN_TREE_CLONE_RECURSIVE)),
    tolerate('any', call('openat2', { resultOf: first }, destination, { memory: how }, 24)),
    tolerate(
      'any',
      call('move_mount', { resultOf: first + 1 }, '', { resultOf: first + 2 }, '', MOVE_MOUNT_EMPTY_PATHS),
    ),
    call('close', { resultOf: first }),
  ]
}
