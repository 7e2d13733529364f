// The folders of a layer that is being unpacked, opened beneath its root and kept open: most entries lie where the last one did.
// Inside the user's namespace (worker:unpack).
import { errnoOf, TspodError } from '#errors.ts'
import { makeOpaque } from '#storage/whiteout.ts'
import { type ByteName, nameText } from '#sys/byte-name.ts'
import type { Fd } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { makeFolder, removeAll } from '#sys/make-at.ts'
import { findBeneath } from '#sys/open-beneath.ts'

/** Descriptors kept; the rest are opened again when needed. */
const MAX_OPEN = 128

export class LayerFolders implements Disposable {
  readonly #root: number
  /** the one used longest ago first */
  readonly #open = new Map<ByteName, Fd>()
  #last: { path: ByteName; number: number } | undefined
  /** Whiteouts that this layer made, by path; a later entry of the same layer may take their place. */
  readonly whiteouts = new Set<ByteName>()
  /** Folders that no entry named. */
  readonly implied = new Set<ByteName>()

  constructor(root: number) {
    this.#root = root
  }

  /** The descriptor of a folder of this layer, which is made with those above it where it is missing. Valid until the next call. */
  open(path: ByteName): number {
    return this.find(path) ?? this.#keep(path, this.#make(path))
  }

  /** The same; `undefined` where it is missing. */
  find(path: ByteName): number | undefined {
    if (path === '') return this.#root
    if (path === this.#last?.path) return this.#last.number
    const known = this.#open.get(path)
    if (known !== undefined) {
      this.#open.delete(path) // to the end: used last
      return this.#keep(path, known)
    }
    const found = this.#look(path)
    return found === undefined ? undefined : this.#keep(path, found)
  }

  /** Something in the folder `except` was removed: what was resolved before may be elsewhere now, but for that folder. */
  forget(except = -1): void {
    for (const [path, fd] of this.#open) {
      if (fd.number === except) continue
      fd.close()
      this.#open.delete(path)
    }
    if (this.#last?.number !== except) this.#last = undefined
  }

  [Symbol.dispose](): void {
    this.forget()
  }

  #keep(path: ByteName, fd: Fd): number {
    this.#open.set(path, fd)
    this.#last = { path, number: fd.number }
    if (this.#open.size > MAX_OPEN) {
      const [oldest] = this.#open
      if (oldest !== undefined) {
        this.#open.delete(oldest[0])
        oldest[1].close()
      }
    }
    return fd.number
  }

  #look(path: ByteName): Fd | undefined {
    try {
      return findBeneath(this.#root, path, O_PATH | O_DIRECTORY)
    } catch (error) {
      if (errnoOf(error) !== 'ENOTDIR' || this.whiteouts.size === 0) throw refused(path, error)
      return undefined // perhaps a whiteout of this layer
    }
  }

  #make(path: ByteName): Fd {
    const cut = path.lastIndexOf('/')
    const parent = cut === -1 ? '' : path.slice(0, cut)
    const base = path.slice(cut + 1)
    const folder = this.open(parent)
    const wasWhiteout = this.whiteouts.delete(path)
    if (wasWhiteout) removeAll(folder, base)
    try {
      makeFolder(folder, base, 0o755)
      if (wasWhiteout) makeOpaque(folder, base)
    } catch (error) {
      throw refused(path, error)
    }
    this.implied.add(path)
    const made = this.#look(path)
    if (made === undefined) throw refused(path, new Error('it vanished'))
    return made
  }
}

function refused(path: ByteName, error: unknown): TspodError {
  const errno = errnoOf(error)
  if (errno !== 'ENOTDIR' && errno !== 'EEXIST' && errno !== 'ELOOP' && errno !== 'ENAMETOOLONG')
    return new TspodError('INTERNAL', `opening the folder "${nameText(path)}" of a layer: ${String(error)}`, {
      cause: error,
    })
  const why = {
    ENOTDIR: 'a part of it is no folder',
    EEXIST: 'it is a symbolic link that leads nowhere in this layer',
    ELOOP: 'its symbolic links go in a circle',
    ENAMETOOLONG: 'the name is too long',
  }[errno]
  return new TspodError('INVALID', `an entry lies in "${nameText(path).slice(0, 300)}": ${why}`, { cause: error })
}
