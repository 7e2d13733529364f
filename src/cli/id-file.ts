// Files that hold the id of a container or pod: --cidfile, --pod-id-file.
import { readFileSync } from 'node:fs'
import { during, TspodError } from '#errors.ts'

/** The id in the first line. Throws with the option's name where there is none. */
export function readIdFile(option: string, path: string): string {
  try {
    const id = readFileSync(path, 'utf8').split('\n', 1)[0]?.trim() ?? ''
    if (id === '') throw new TspodError('INVALID', `it is empty, must hold an id`)
    return id
  } catch (error) {
    throw during(`reading ${option} "${path}"`, error)
  }
}
