// The lock of one container, `containers/<id>/lock`: held while its files change, never while something is waited for.
import { existsSync } from 'node:fs'
import { errnoOf, TspodError } from '#errors.ts'
import type { Fd } from '#sys/fd.ts'
import { tryLock, withFileLock } from '#sys/lock.ts'

/** The lock, for who closes it; `undefined` while another command has it. */
export function tryContainerLock(folder: string): Fd | undefined {
  return tryLock(`${folder}/lock`)
}

/** Runs `body` while no other command changes this container. Throws NOT_FOUND when it has been removed. */
export async function withContainerLock<T>(folder: string, body: () => T | Promise<T>): Promise<T> {
  try {
    return await withFileLock(`${folder}/lock`, body)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || existsSync(folder)) throw error
    const id = folder.slice(folder.lastIndexOf('/') + 1)
    throw new TspodError('NOT_FOUND', `no container with ID "${id}" found: no such container`, { cause: error })
  }
}
