// A folder as a tar archive, with all that belongs to its files. Synchronous, piece by piece: whoever takes the pieces sets the pace.

import { during } from '#errors.ts'
import { isDriverAttribute, isOpaque, isWhiteout, opaqueMarker, whiteoutPrefix } from '#storage/whiteout.ts'
import { attributeNames, readAttribute } from '#sys/attributes.ts'
import { type ByteName, nameText } from '#sys/byte-name.ts'
import { openFile, readFd } from '#sys/fd.ts'
import { type FileStatus, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, statusAt } from '#sys/file-status.ts'
import { O_DIRECTORY, O_NONBLOCK, O_RDONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import { openAt } from '#sys/make-at.ts'
import { readLinkAt } from '#sys/open-beneath.ts'
import type { TarEntry, TarType } from './tar-entry.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

const PIECE_BYTES = 256 << 10

const typeOf: Record<number, TarType> = {
  [S_IFREG]: 'file',
  [S_IFDIR]: 'directory',
  [S_IFLNK]: 'symlink',
  [S_IFCHR]: 'character',
  [S_IFBLK]: 'block',
  [S_IFIFO]: 'fifo',
}

export interface PackOptions {
  /** Changes what the archive says of a file; returning undefined leaves it out, with everything below it. */
  edit?: (entry: TarEntry) => TarEntry | undefined
  /** What is mounted on something below the top shows as an empty folder or file. */
  oneMount?: boolean
  /** A writable layer: what a driver marks as gone is a whiteout in the archive (OCI image-spec layer.md). */
  isLayer?: boolean
}

export class Packer {
  readonly #options: PackOptions
  /** Files with several names, by device and inode: the first name in the archive. */
  readonly #linked = new Map<string, ByteName>()
  #mountId: number | undefined
  #parts: Uint8Array[] = []
  #filled = 0

  constructor(options: PackOptions = {}) {
    this.#options = options
  }

  /** The file or folder `name` in an open folder, with everything below, under the path `as` ('' for the archive's root). */
  *pack(folder: number, name: ByteName, as: ByteName): Generator<Uint8Array> {
    const status = statusAt(folder, name)
    this.#mountId ??= status.mountId
    yield* this.#packOne(folder, name, as, status)
  }

  /** What is left, and the end of the archive, unless another one is to follow. */
  *finish(isPart = false): Generator<Uint8Array> {
    if (!isPart) yield* this.#add(tarEnd)
    if (this.#filled > 0) yield this.#take()
  }

  *#packOne(folder: number, name: ByteName, as: ByteName, status: FileStatus): Generator<Uint8Array> {
    if (this.#options.isLayer === true && as !== '' && isWhiteout(folder, name, status))
      return yield* this.#packWhiteout(as.slice(0, -name.length), name, status)
    const entry = this.#entryOf(folder, name, as, status)
    if (entry === undefined) return // a socket: archives have none
    const isMounted = this.#options.oneMount === true && status.mountId !== this.#mountId
    if (isMounted) entry.size = 0
    const edited = this.#options.edit === undefined ? entry : this.#options.edit(entry)
    if (edited === undefined) return
    if (edited.type === 'file') return yield* this.#packFile(folder, name, edited)
    yield* this.#add(tarHeader(edited))
    if (status.type !== S_IFDIR || isMounted) return
    using inner = openAt(folder, name === '' ? '.' : name, O_RDONLY | O_DIRECTORY)
    const names = readFolder(inner.number).map(each => each.name)
    if (this.#options.isLayer === true && as !== '' && !names.includes(opaqueMarker) && isOpaque(folder, name))
      yield* this.#add(tarHeader(markerEntry(`${as}/${opaqueMarker}`, status)))
    for (const each of names.sort())
      yield* this.#packOne(inner.number, each, as === '' ? each : `${as}/${each}`, statusAt(inner.number, each))
  }

  *#packWhiteout(above: ByteName, name: ByteName, status: FileStatus): Generator<Uint8Array> {
    const marker = name.startsWith(whiteoutPrefix) ? name : `${whiteoutPrefix}${name}`
    yield* this.#add(tarHeader(markerEntry(`${above}${marker}`, status)))
  }

  /** What a file loses while it is read is made up with zeros: its header has been written. */
  *#packFile(folder: number, name: ByteName, entry: TarEntry): Generator<Uint8Array> {
    yield* this.#add(tarHeader(entry))
    if (entry.size === 0) return
    try {
      using file =
        name === '' ? openFile(`/proc/self/fd/${folder}`, O_RDONLY) : openAt(folder, name, O_RDONLY | O_NONBLOCK)
      for (let left = entry.size; left > 0; ) {
        const piece = Buffer.allocUnsafe(Math.min(left, PIECE_BYTES))
        const count = readFd(file.number, piece)
        if (count === 0) piece.fill(0)
        const got = count === 0 ? piece.byteLength : count
        yield* this.#add(piece.subarray(0, got))
        left -= got
      }
    } catch (error) {
      throw during(`reading "${nameText(entry.path)}"`, error)
    }
    yield* this.#add(tarPadding(entry.size))
  }

  #entryOf(folder: number, name: ByteName, as: ByteName, status: FileStatus): TarEntry | undefined {
    const type = typeOf[status.type]
    if (type === undefined) return undefined
    const entry: TarEntry = {
      type,
      path: as === '' ? './' : as,
      linkPath: type === 'symlink' ? readLinkAt(folder, name) : '',
      mode: status.mode,
      uid: status.uid,
      gid: status.gid,
      userName: '',
      groupName: '',
      size: type === 'file' ? status.size : 0,
      modified: status.modified,
      deviceMajor: status.deviceMajor,
      deviceMinor: status.deviceMinor,
    }
    if (type !== 'directory' && status.links > 1) {
      const key = `${status.device} ${status.inode}`
      const first = this.#linked.get(key)
      if (first !== undefined) return { ...entry, type: 'link', linkPath: first, size: 0 }
      this.#linked.set(key, entry.path)
    }
    entry.attributes = readAttributes(folder, name)
    return entry
  }

  *#add(bytes: Uint8Array): Generator<Uint8Array> {
    this.#parts.push(bytes)
    this.#filled += bytes.byteLength
    if (this.#filled >= PIECE_BYTES) yield this.#take()
  }

  #take(): Uint8Array {
    const whole = this.#parts.length === 1 && this.#parts[0] !== undefined ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = []
    this.#filled = 0
    return whole
  }
}

function markerEntry(path: ByteName, { modified }: FileStatus): TarEntry {
  return {
    type: 'file',
    path,
    linkPath: '',
    mode: 0,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: 0,
    modified,
    deviceMajor: 0,
    deviceMinor: 0,
  }
}

/** What an archive should keep: not the drivers' own marks, not this machine's labels. */
function readAttributes(folder: number, name: ByteName): Map<ByteName, Buffer> | undefined {
  const attributes = new Map<ByteName, Buffer>()
  for (const attribute of attributeNames(folder, name)) {
    if (isDriverAttribute(attribute) || attribute === 'security.selinux') continue
    const value = readAttribute(folder, name, attribute)
    if (value !== undefined) attributes.set(attribute, value)
  }
  return attributes.size === 0 ? undefined : attributes
}
