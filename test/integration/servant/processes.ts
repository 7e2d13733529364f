// What tests of the servant look at: this process's children and descriptors. Orphans of a killed master become children of the test.
import { readdirSync } from 'node:fs'
import { syscall, trySyscall } from '#sys/call.ts'
import { PR_SET_CHILD_SUBREAPER } from '#sys/flags.ts'
import { type ProcessStat, readProcessStat, waitProcess } from '#sys/process.ts'
import type { Servant } from '#sys/servant/servant.ts'

/** From now on whoever loses its parent below this process becomes a child of this process. */
export function adoptOrphans(): void {
  syscall('prctl', PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

/** This process's children, ended ones too. */
export function children(): ProcessStat[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readProcessStat(Number(name)))
    .filter(stat => stat?.parent === process.pid)
    .filter(stat => stat !== undefined)
}

/** Waits until no child of this process lives, reaping those that end; returns those that do not end within `timeoutMs`. */
export async function childrenLeft(timeoutMs = 3000): Promise<ProcessStat[]> {
  const end = performance.now() + timeoutMs
  for (;;) {
    for (const child of children()) if (child.state === 'Z') waitProcess(child.pid, true)
    const left = children()
    if (left.length === 0 || performance.now() > end) return left
    await Bun.sleep(2)
  }
}

/** Numbers of this process's open descriptors. */
export function openDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter(fd => trySyscall('fcntl', fd, 1) >= 0)
}

/** Closes a servant that is a child of this process, and reaps it. Its exit code. */
export function endServant(servant: Servant): number | undefined {
  servant.close()
  return waitProcess(servant.pid)?.status.code
}
