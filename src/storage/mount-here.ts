// Root file systems mounted where this very process is: inside the user's namespace, as its root, in a shell of `unshare`. What is
// mounted lives as long as that shell's mount namespace.
import { readFileSync, rmdirSync } from 'node:fs'
import { errnoOf, TspodError } from '#errors.ts'
import { type SyscallArgument, syscall } from '#sys/call.ts'
import { MNT_DETACH } from '#sys/flags.ts'
import type { RootPlan } from './driver.ts'

/** Performs a plan of mounts in this process. Throws UNSUPPORTED for one that needs a program (FUSE). */
export function mountHere({ calls, program }: RootPlan): void {
  if (program !== undefined)
    throw new TspodError('UNSUPPORTED', `mounting by "${program.path}" is not implemented yet`, {
      hint: 'a kernel of 5.11 or later mounts by itself',
    })
  for (const { name, args } of calls) syscall(name, ...(args as SyscallArgument[]))
}

/** Takes a mount away, at once or, by force, when its last user is gone; and the empty folder under it. */
export function unmountHere(path: string, force: boolean): void {
  try {
    syscall('umount2', path, force ? MNT_DETACH : 0)
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error
    throw new TspodError('IN_USE', `unmounting "${path}": a process uses it`, { cause: error, hint: 'use --force' })
  }
  rmdirSync(path)
}

/** Where something is mounted below a folder, as this process sees it. */
export function mountsBelow(folder: string): string[] {
  const unescape = (text: string) =>
    text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => unescape(line.split(' ')[4] ?? ''))
    .filter(path => path.startsWith(`${folder}/`))
}
