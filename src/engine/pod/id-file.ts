// The file of --pod-id-file (podman-pod-create(1)): services and scripts find their pod by it.
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { during, errnoOf, TspodError } from '#errors.ts'

/** Ours from the beginning: it must not be there yet, unless what it tells of is to be replaced. */
export class PodIdFile {
  readonly #path: string

  /** Throws CONFLICT where there is one. */
  constructor(path: string, isReplaced: boolean) {
    this.#path = path
    try {
      closeSync(openSync(path, isReplaced ? 'w' : 'wx', 0o644))
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw during(`making --pod-id-file "${path}"`, error)
      throw new TspodError('CONFLICT', `pod id file exists. Ensure another pod is not using it or delete ${path}`)
    }
  }

  write(id: string): void {
    try {
      writeFileSync(this.#path, id)
    } catch (error) {
      throw during(`writing --pod-id-file "${this.#path}"`, error)
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }
}

/** The id in such a file; `undefined` where there is none and that is fine. */
export function readPodIdFile(path: string, ignoreMissing: boolean): string | undefined {
  try {
    const id = readFileSync(path, 'utf8').split('\n', 1)[0]?.trim() ?? ''
    if (id !== '') return id
  } catch (error) {
    if (ignoreMissing && errnoOf(error) === 'ENOENT') return undefined
    throw during(`reading --pod-id-file "${path}"`, error)
  }
  if (ignoreMissing) return undefined
  throw new TspodError('INVALID', `reading --pod-id-file "${path}": it is empty, must hold the id of a pod`)
}
