// Containers on their way: a folder without container.json, whose maker holds its lock. One that nobody holds was left by a command
// that was killed.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { tryLock } from '#sys/lock.ts'
import { type ContainerId, containerDir, listContainerIds } from './record.ts'

/** Marks a new, empty folder as being worked on, until it is disposed. */
export function holdUnfinished(folder: string): Disposable | undefined {
  return tryLock(join(folder, 'lock'))
}

/** The folders that will never become containers. */
export function listAbandoned(graphRoot: string): ContainerId[] {
  return listContainerIds(graphRoot).filter(id => isAbandoned(containerDir(graphRoot, id)))
}

function isAbandoned(folder: string): boolean {
  if (existsSync(join(folder, 'container.json'))) return false
  try {
    using lock = tryLock(join(folder, 'lock'))
    // its maker may have finished, or gone, between the two looks
    return lock !== undefined && !existsSync(join(folder, 'container.json'))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
