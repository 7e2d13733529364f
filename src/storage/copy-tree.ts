// Copies folders with all that belongs to their files: owners, modes, times, attributes, hard links, holes. Follows no link.
// Inside the user's namespace, as its root.
import { during } from '#errors.ts'
import { attributeNames, readAttribute, trySetAttribute } from '#sys/attributes.ts'
import { type ByteName, nameText } from '#sys/byte-name.ts'
import { systemCallError } from '#sys/call.ts'
import { type FileStatus, findStatus, S_IFDIR, S_IFLNK, S_IFREG, S_IFSOCK, statusAt } from '#sys/file-status.ts'
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } from '#sys/flags.ts'
import { readFolder } from '#sys/folder.ts'
import {
  changeMode,
  deviceNumber,
  emptyFolder,
  makeFolder,
  makeLink,
  makeSymlink,
  openAt,
  removeAll,
  setTimes,
  tryChangeOwner,
  tryMakeNode,
} from '#sys/make-at.ts'
import { readLinkAt } from '#sys/open-beneath.ts'
import { copyFileBytes } from './copy-file.ts'
import { isDriverAttribute, isOpaque, isWhiteout, opaqueMarker, whiteoutPrefix } from './whiteout.ts'

export interface CopyOptions {
  /** The source is a layer: its whiteouts remove, its opaque folders empty what is in the destination. */
  isLayer: boolean
  /** The copy is a layer as the source is one: what overlay keeps in attributes comes along. */
  keepsMarks?: boolean
  /** Whom the copy of a file belongs to instead. */
  owner?: (of: FileStatus) => { uid: number; gid: number }
}

/** Copies between two open folders; several `copyContents` put one layer over another. */
export class TreeCopy {
  readonly #options: CopyOptions
  readonly #top: number
  /** Files with several names that were copied, by device and inode: their path below the destination. */
  readonly #linked = new Map<string, ByteName>()

  /** `top` is the folder everything goes below; it stays the caller's. The caller has set the umask to 0. */
  constructor(top: number, options: CopyOptions) {
    this.#top = top
    this.#options = options
  }

  /** What the folder `from` holds goes into `to`, which lies at `path` below the top. */
  copyContents(from: number, to: number, path: ByteName = ''): void {
    for (const { name } of readFolder(from)) {
      if (this.#options.isLayer && this.#applyWhiteout(from, to, name)) continue
      try {
        this.copy(from, name, to, name, path === '' ? name : `${path}/${name}`)
      } catch (error) {
        throw path === '' ? during(`copying "${nameText(name)}"`, error) : error
      }
    }
  }

  /** One file or folder; what is in the way is replaced, but folders are merged. `path` is the new one below the top. */
  copy(from: number, name: ByteName, to: number, newName: ByteName, path: ByteName): void {
    const status = statusAt(from, name)
    if (status.type === S_IFDIR) return this.#copyFolder(from, name, to, newName, path, status)
    removeAll(to, newName)
    if (status.links > 1 && this.#linkAgain(status, to, newName)) return
    if (this.#copyFile(from, name, to, newName, status)) {
      this.copyFacts(from, name, to, newName, status)
      if (status.links > 1) this.#linked.set(`${status.device} ${status.inode}`, path)
    }
  }

  /** Owner, attributes, mode and times of an existing file. */
  copyFacts(from: number, name: ByteName, to: number, newName: ByteName, status: FileStatus): void {
    const { uid, gid } = this.#options.owner?.(status) ?? status
    const owned = tryChangeOwner(to, newName === '' ? '.' : newName, uid, gid)
    if (owned < 0) throw systemCallError('fchownat', owned, nameText(newName))
    if (status.type !== S_IFLNK) changeMode(to, newName === '' ? '.' : newName, status.mode)
    for (const attribute of attributeNames(from, name)) {
      if (this.#options.keepsMarks !== true && isDriverAttribute(attribute)) continue
      const value = readAttribute(from, name, attribute)
      // what the kernel keeps for itself (labels) or the other file system has not is left out
      if (value !== undefined) trySetAttribute(to, newName, attribute, value)
    }
    setTimes(to, newName === '' ? '.' : newName, status.accessed, status.modified)
  }

  #applyWhiteout(from: number, to: number, name: ByteName): boolean {
    if (name === opaqueMarker) return true
    if (name.startsWith(whiteoutPrefix)) {
      removeAll(to, name.slice(whiteoutPrefix.length))
      return true
    }
    const status = statusAt(from, name)
    if (!isWhiteout(from, name, status)) return false
    removeAll(to, name)
    return true
  }

  #copyFolder(from: number, name: ByteName, to: number, newName: ByteName, path: ByteName, status: FileStatus): void {
    const there = findStatus(to, newName)
    if (there !== undefined && there.type !== S_IFDIR) removeAll(to, newName)
    else if (there !== undefined && this.#options.isLayer && isOpaque(from, name)) emptyFolder(to, newName)
    if (there?.type !== S_IFDIR) makeFolder(to, newName, 0o700)
    using source = openAt(from, name, O_RDONLY | O_DIRECTORY)
    using target = openAt(to, newName, O_RDONLY | O_DIRECTORY)
    this.copyContents(source.number, target.number, path)
    this.copyFacts(from, name, to, newName, status)
  }

  #linkAgain(status: FileStatus, to: number, newName: ByteName): boolean {
    const first = this.#linked.get(`${status.device} ${status.inode}`)
    if (first === undefined || findStatus(this.#top, first) === undefined) return false
    makeLink(this.#top, first, to, newName)
    return true
  }

  /** False for what cannot be copied: sockets, and devices in a user namespace. */
  #copyFile(from: number, name: ByteName, to: number, newName: ByteName, status: FileStatus): boolean {
    if (status.type === S_IFSOCK) return false
    if (status.type === S_IFLNK) {
      makeSymlink(to, newName, readLinkAt(from, name))
      return true
    }
    if (status.type === S_IFREG) {
      using source = openAt(from, name, O_RDONLY | O_NONBLOCK)
      using target = openAt(to, newName, O_WRONLY | O_CREAT | O_EXCL, 0o600)
      copyFileBytes(source.number, target.number, status.size)
      return true
    }
    const device = deviceNumber(status.deviceMajor, status.deviceMinor)
    const result = tryMakeNode(to, newName, status.type, 0o600, device)
    if (result < 0 && result !== -1) throw systemCallError('mknodat', result, nameText(newName))
    return result >= 0
  }
}
