// Files that are whole or absent after a crash: temporary name, fsync, rename, fsync of the folder. Host namespaces.
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { during, errnoOf } from '#errors.ts'

/** Puts these bytes at `path`, replacing what is there in one step. */
export function writeDurably(path: string, bytes: Uint8Array | string): void {
  const unfinished = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`
  try {
    const fd = openSync(unfinished, 'wx', 0o600)
    try {
      writeFileSync(fd, bytes)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(unfinished, path)
    syncFolder(dirname(path))
  } catch (error) {
    removeIfThere(unfinished)
    throw during(`writing "${path}"`, error)
  }
}

/** Makes renames and removals in a folder last. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Removes a file; false where there was none. */
export function removeIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw during(`removing "${path}"`, error)
  }
}
