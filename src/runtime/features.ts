// What the kernel offers for mounting: looked up once, by asking it. Host namespaces.
import { release } from 'node:os'
import { TspodError } from '#errors.ts'
import { trySyscall } from '#sys/call.ts'
import type { SyscallName } from '#sys/numbers.ts'

export interface KernelFeatures {
  /** mount_setattr(2), Linux 5.12 */
  mountSetattr: boolean
}

const EPERM = -1
const ENOSYS = -38

let known: KernelFeatures | undefined

/** Throws UNSUPPORTED where containers cannot be made safely: openat2(2) is of Linux 5.6, open_tree(2) and move_mount(2) of 5.2. */
export function kernelFeatures(): KernelFeatures {
  known ??= ask()
  return known
}

function ask(): KernelFeatures {
  requireCall('openat2', '5.6', trySyscall('openat2', -1, '', 0, 0))
  requireCall('open_tree', '5.2', trySyscall('open_tree', -1, '', 0))
  return { mountSetattr: isThere(trySyscall('mount_setattr', -1, '', 0, 0, 0)) }
}

/** Nothing valid was asked: another error means that the call is there. */
function isThere(result: number): boolean {
  return result !== ENOSYS && result !== EPERM
}

function requireCall(name: SyscallName, since: string, result: number): void {
  if (isThere(result)) return
  throw new TspodError(
    'UNSUPPORTED',
    `making a container: the system call ${name}(2) is not there on kernel ${release()}`,
    {
      hint:
        result === EPERM
          ? 'something around tspod forbids it: another container, or a service with a system call filter'
          : `containers need Linux ${since} or later`,
    },
  )
}
