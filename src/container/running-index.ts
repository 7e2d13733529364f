// running/<id>: an empty file for every container that may be running, so that listing those costs nothing for the others.
// It is made before the process is recorded and removed after its end is: a crash can leave one too many, never one too few.
import { closeSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { during, errnoOf } from '#errors.ts'
import { type ContainerId, isContainerId } from './record.ts'

/** Of a container's folder, `containers/<id>`. */
function markOf(folder: string): string {
  return join(dirname(dirname(folder)), 'running', basename(folder))
}

/** A process is about to be recorded for the container in this folder. */
export function markRunning(folder: string): void {
  const mark = markOf(folder)
  try {
    closeSync(openSync(mark, 'w', 0o600))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw during(`writing "${mark}"`, error)
    mkdirSync(dirname(mark), { recursive: true, mode: 0o700 })
    closeSync(openSync(mark, 'w', 0o600))
  }
}

/** The end of its process is recorded, or it is gone altogether. */
export function unmarkRunning(folder: string): void {
  rmSync(markOf(folder), { force: true })
}

/** The containers that may be running; each has to be looked at. */
export function listMarkedRunning(graphRoot: string): ContainerId[] {
  try {
    return readdirSync(join(graphRoot, 'running')).filter(isContainerId)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`listing running containers in "${graphRoot}"`, error)
  }
}
