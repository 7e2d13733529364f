// The files of --cidfile and --pidfile (podman-run(1)): who scripts what comes next reads them.
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { during, errnoOf, TspodError } from '#errors.ts'

/** Ours from the beginning: it must not be there yet. */
export class CidFile {
  readonly #path: string

  /** Throws CONFLICT where there is one. */
  constructor(path: string) {
    this.#path = path
    try {
      closeSync(openSync(path, 'wx', 0o644))
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw during(`making --cidfile "${path}"`, error)
      throw new TspodError(
        'CONFLICT',
        `container id file exists. Ensure another container is not using it or delete ${path}`,
      )
    }
  }

  write(id: string): void {
    try {
      writeFileSync(this.#path, id)
    } catch (error) {
      throw during(`writing --cidfile "${this.#path}"`, error)
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }
}

/** Replaces what an earlier start wrote; stays as it is, empty, where nothing is written. */
export class PidFile implements Disposable {
  readonly #path: string
  readonly #fd: number

  constructor(path: string) {
    this.#path = path
    try {
      this.#fd = openSync(path, 'w', 0o644)
    } catch (error) {
      throw during(`opening --pidfile "${path}"`, error)
    }
  }

  write(pid: number): void {
    try {
      writeFileSync(this.#fd, String(pid))
    } catch (error) {
      throw during(`writing --pidfile "${this.#path}"`, error)
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
