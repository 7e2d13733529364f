// The two ends of `cp`: what a source path means, and under which name it lands at a destination (docker-cp(1), Description).
// In the worker that sees a container's root, and on this machine's side alike.

import { readlinkSync } from 'node:fs'
import { dirname } from 'node:path/posix'
import { errnoOf, TspodError } from '#errors.ts'
import { type ByteName, byteName } from '#sys/byte-name.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { S_IFDIR, statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_PATH } from '#sys/flags.ts'
import { findBeneath } from '#sys/open-beneath.ts'
import type { TarEntry } from './tar-entry.ts'
import type { TarSink } from './tar-reader.ts'
import { Unpacker } from './unpack.ts'

/** What stands for the source's own name in the archives that go between the two ends. */
export const sourceName = 'source'

/** True for a path that means what the folder holds, or at least a folder: `a/`, `a/.`, `/`. */
export function meansFolder(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path)
}

/** `a/.`: not the folder, but what it holds. */
export function meansContents(path: string): boolean {
  return /(^|\/)\.$/.test(path)
}

/** The file or folder at a path beneath `root`, links followed, opened with O_PATH. Throws NOT_FOUND. */
export function openCopySource(root: number, path: string, shownAs: string): Fd {
  const source = lookUp(root, path, meansFolder(path) ? O_PATH | O_DIRECTORY : O_PATH, shownAs)
  if (source === undefined)
    throw new TspodError('NOT_FOUND', `"${shownAs}" could not be found: no such file or directory`)
  return source
}

interface Owner {
  uid: number
  gid: number
}

export interface Placement {
  /** absolute, beneath the root */
  path: string
  /** as the user wrote it, for errors */
  shownAs: string
  /** the name a source gets in a folder that exists */
  base: string
  /** the source is what a folder holds */
  contentsOnly: boolean
  /** a stream: its names stay, and the destination must be a folder */
  isStream: boolean
  /** folders may replace files and the other way round */
  overwrite: boolean
  owners: { uid: number; gid: number } | 'give' | 'ignore'
}

/** Unpacks an archive at a destination beneath `root`, which nothing in it can leave. Decides where when the first entry is seen. */
export class PlacingSink implements TarSink, Disposable {
  readonly #root: number
  readonly #placement: Placement
  readonly #changeOwner: (owner: Owner) => Owner
  #folder: Fd | undefined
  #unpacker: Unpacker | undefined
  /** takes the place of the source's name */
  #name = ''

  /** `changeOwner` makes ids of the archive, and of the placement, those that files get. */
  constructor(root: number, placement: Placement, changeOwner: (owner: Owner) => Owner = owner => owner) {
    this.#root = root
    this.#placement = placement
    this.#changeOwner = changeOwner
  }

  entry(entry: TarEntry): void {
    const unpacker = this.#unpacker ?? this.#start(entry)
    const mode = this.#placement.owners === 'ignore' ? entry.mode & 0o1777 : entry.mode // no set-id files from containers
    const owner = this.#changeOwner(entry)
    unpacker.entry({ ...entry, ...owner, mode, path: this.#rename(entry.path), linkPath: this.#renameLink(entry) })
  }

  data(chunk: Buffer, offset: number): void {
    this.#unpacker?.data(chunk, offset)
  }

  end(): void {
    this.#unpacker?.end()
  }

  finish(): void {
    this.#unpacker?.finish()
  }

  [Symbol.dispose](): void {
    this.#unpacker?.[Symbol.dispose]()
    this.#folder?.close()
  }

  #start(first: TarEntry): Unpacker {
    const { owners, overwrite } = this.#placement
    const { folder, name } = this.#decide(first.type === 'directory')
    this.#folder = folder
    this.#name = name
    const given = typeof owners === 'object' ? this.#changeOwner(owners) : owners
    this.#unpacker = new Unpacker(folder.number, { owners: given, keepKinds: !overwrite })
    return this.#unpacker
  }

  #decide(isFolder: boolean): { folder: Fd; name: ByteName } {
    const { path, shownAs, base, contentsOnly, isStream } = this.#placement
    const there = lookUp(this.#root, path, O_PATH, shownAs)
    if (there === undefined) {
      if (isStream || (!isFolder && meansFolder(path)))
        throw new TspodError('NOT_FOUND', `"${shownAs}" could not be found: no such directory`)
      return this.#inParent(path.replace(/\/\.?$/, ''), isFolder)
    }
    if (statusOf(there.number).type === S_IFDIR)
      return { folder: there, name: isStream || contentsOnly ? '' : byteName(base) }
    if (isStream || isFolder || meansFolder(path)) {
      there.close()
      throw new TspodError('CONFLICT', `destination "${shownAs}" is not a directory`, {
        hint: 'a folder can be copied into a folder only',
      })
    }
    const real = pathBelow(this.#root, there)
    there.close()
    return this.#inParent(real ?? path, false)
  }

  #inParent(path: string, isFolder: boolean): { folder: Fd; name: ByteName } {
    const { shownAs } = this.#placement
    const folder = lookUp(this.#root, dirname(path), O_PATH | O_DIRECTORY, shownAs)
    if (folder === undefined)
      throw new TspodError('NOT_FOUND', `"${shownAs}" could not be found: its folder does not exist`, {
        hint: isFolder ? 'make the folder above it first' : undefined,
      })
    return { folder, name: byteName(path.slice(path.lastIndexOf('/') + 1)) }
  }

  #rename(path: ByteName): ByteName {
    if (this.#placement.isStream) return path
    const rest = path.slice(sourceName.length)
    return this.#name === '' ? `.${rest}` : `${this.#name}${rest}`
  }

  #renameLink({ type, linkPath }: TarEntry): ByteName {
    return type === 'link' ? this.#rename(linkPath) : linkPath
  }
}

/** `undefined` where it does not exist. */
function lookUp(root: number, path: string, flags: number, shownAs: string): Fd | undefined {
  try {
    return findBeneath(root, byteName(path), flags)
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR')
      throw new TspodError('NOT_FOUND', `"${shownAs}" could not be found: a part of it is not a directory`, {
        cause: error,
      })
    throw error
  }
}

/** Where an open file really lies, as a path from the root; `undefined` where the kernel does not say. */
function pathBelow(root: number, file: Fd): string | undefined {
  const top = readlinkSync(`/proc/self/fd/${root}`)
  const path = readlinkSync(`/proc/self/fd/${file.number}`)
  if (top === '/') return path
  return path.startsWith(`${top}/`) ? path.slice(top.length) : undefined
}

/** This machine's files, from its root folder. */
export function openMachineRoot(): Fd {
  return openFile('/', O_PATH | O_DIRECTORY)
}
