// Folders of cache mounts: shared by all, one at a time, or one for each. Host namespaces.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Fd } from '#sys/fd.ts'
import { tryLock } from '#sys/lock.ts'

/** The folder for a mount of this name, and what its user holds meanwhile. `locked` waits; `private` takes the first that is free. */
export async function openMountLock(
  folder: string,
  name: string,
  sharing: 'shared' | 'private' | 'locked',
  signal: AbortSignal,
): Promise<{ path: string; lock: Fd }> {
  for (let number = 0, pauseMs = 5; ; ) {
    const path = join(folder, number === 0 ? name : `${name}-${number}`)
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const lock = tryLock(join(path, 'lock'), sharing === 'shared')
    if (lock !== undefined) return { path, lock }
    if (sharing === 'private') {
      number++
      continue
    }
    signal.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, pauseMs))
    pauseMs = Math.min(200, pauseMs * 2)
  }
}

/** The folders that nobody uses, each locked until its lock is closed. */
export function* freeMountFolders(folder: string): Generator<{ name: string; lock: Fd }> {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const lock = tryLock(join(folder, name, 'lock'))
    if (lock !== undefined) yield { name, lock }
  }
}
