// Unpacks the entries of an archive below one folder, which they cannot leave: a layer, or what `cp` brings.
// Inside the user's namespace, as its root; with `owners: 'ignore'` as any user.
//
// Theory of operation. Every folder is opened beneath the layer's root by the kernel (sys/open-beneath.ts), the last name is made in
// it with calls that follow nothing. What an earlier entry put in the way is removed. Folders get their times at the end, when
// nothing is put into them any more, and set-group-id then too, so that no file inherits a group.
import { during, errnoOf, TspodError } from '#errors.ts'
import type { RecordedOwner } from '#storage/layer-record.ts'
import { type ArchiveWhiteout, isDriverAttribute, makeOpaque, makeWhiteout, parseWhiteout } from '#storage/whiteout.ts'
import { trySetAttribute } from '#sys/attributes.ts'
import { type ByteName, nameArgument, nameText } from '#sys/byte-name.ts'
import { syscall, systemCallError, trySyscall } from '#sys/call.ts'
import { type FileTime, findStatus, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO } from '#sys/file-status.ts'
import { O_CLOEXEC, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from '#sys/flags.ts'
import {
  changeMode,
  deviceNumber,
  makeLink,
  removeAll,
  setTimes,
  setTimesOf,
  tryChangeOwner,
  tryMakeNode,
} from '#sys/make-at.ts'
import type { TarEntry } from './tar-entry.ts'
import type { TarSink } from './tar-reader.ts'
import { LayerFolders } from './unpack-folders.ts'
import { splitPath } from './unpack-path.ts'

const EPERM = -1
const EEXIST = -17
const EINVAL = -22
const EOPNOTSUPP = -95

export interface UnpackOptions {
  /** `record`: only id 0 is mapped, owners are kept in `owners`; `ignore`: everything is the caller's; or everything is one user's. */
  owners: 'give' | 'record' | 'ignore' | { uid: number; gid: number }
  /** A layer: whiteouts mean something. Otherwise they are plain names, and folders that exist keep their mode, owner and times. */
  layer?: { hasParent: boolean }
  /** A folder may not take the place of a file, nor the other way round. */
  keepKinds?: boolean
}

interface LateFolder {
  mode: number | undefined
  accessed: FileTime
  modified: FileTime
}

export class Unpacker implements TarSink, Disposable {
  sizeBytes = 0
  entries = 0
  readonly skippedDevices: string[] = []
  readonly skippedAttributes = new Set<string>()
  readonly owners: RecordedOwner[] = []
  readonly #root: number
  readonly #options: UnpackOptions
  readonly #folders: LayerFolders
  readonly #late = new Map<ByteName, LateFolder>()
  #entry: TarEntry | undefined
  #file = -1

  /** `root` stays the caller's. The caller has set the umask to 0. */
  constructor(root: number, options: UnpackOptions) {
    this.#root = root
    this.#options = options
    this.#folders = new LayerFolders(root)
  }

  /** Folders that no entry of the archive named. */
  get impliedFolders(): string[] {
    return [...this.#folders.implied].map(nameText)
  }

  entry(entry: TarEntry): void {
    this.entries++
    try {
      this.#start(entry)
    } catch (error) {
      throw failed(entry, error)
    }
  }

  data(chunk: Buffer, offset: number): void {
    const isSparse = this.#entry?.sparse !== undefined
    for (let done = 0; done < chunk.byteLength; ) {
      const rest = done === 0 ? chunk : chunk.subarray(done)
      const result = isSparse
        ? trySyscall('pwrite64', this.#file, rest, rest.byteLength, offset + done)
        : trySyscall('write', this.#file, rest, rest.byteLength)
      if (result < 0) throw during(`writing "${nameText(this.#entry?.path ?? '')}"`, systemCallError('write', result))
      done += result
    }
  }

  end(): void {
    const entry = this.#entry
    if (entry === undefined) return
    try {
      this.#finishFile(entry)
    } catch (error) {
      throw failed(entry, error)
    }
    this.#entry = undefined
  }

  /** All entries are there: gives folders the times and modes that had to wait. */
  finish(): void {
    for (const [path, late] of this.#late) {
      const { parent, base } = splitPath(path)
      const folder = this.#folders.find(parent)
      const name = base === '' ? '.' : base
      if (folder === undefined || findStatus(folder, name)?.type !== S_IFDIR) continue // a later entry took its place
      if (late.mode !== undefined) changeMode(folder, name, late.mode)
      setTimes(folder, name, late.accessed, late.modified)
    }
  }

  [Symbol.dispose](): void {
    if (this.#file >= 0) trySyscall('close', this.#file)
    this.#folders[Symbol.dispose]()
  }

  #start(entry: TarEntry): void {
    const { path, parent, base } = splitPath(entry.path)
    if (base === '') return this.#startRoot(entry)
    const whiteout = this.#options.layer === undefined ? undefined : parseWhiteout(base)
    const folder = this.#folders.open(parent)
    if (whiteout !== undefined) return this.#applyWhiteout(whiteout, folder, parent)
    switch (entry.type) {
      case 'file':
        return this.#startFile(entry, folder, base, path)
      case 'directory':
        return this.#makeFolder(entry, folder, base, path)
      case 'link':
        return this.#makeLink(entry, parent, base, path)
      case 'symlink':
        this.#makeNew(folder, base, path, name => trySyscall('symlinkat', nameArgument(entry.linkPath), folder, name))
        return this.#finishNode(entry, folder, base)
      case 'character':
      case 'block':
      case 'fifo':
        return this.#makeNode(entry, folder, base, path)
    }
  }

  #startRoot(entry: TarEntry): void {
    if (entry.type !== 'directory')
      throw new TspodError('INVALID', `the root of the archive is a ${entry.type}, must be a directory`)
    if (this.#options.layer === undefined) return
    changeMode(this.#root, '.', entry.mode & 0o1777)
    this.#own(this.#root, '.', entry)
    this.#setAttributes(this.#root, '', entry)
    this.#later('', entry)
  }

  #applyWhiteout(whiteout: ArchiveWhiteout, folder: number, parent: ByteName): void {
    if (this.#options.layer?.hasParent !== true) return
    if (whiteout.kind === 'opaque') makeOpaque(folder, '')
    else if (whiteout.kind === 'remove') this.#hide(folder, parent, whiteout.name)
  }

  /** A whiteout hides what is below; what this very layer holds under the name stays, unless it is a folder: then that is opaque. */
  #hide(folder: number, parent: ByteName, name: ByteName): void {
    const status = findStatus(folder, name)
    if (status?.type === S_IFDIR) makeOpaque(folder, name)
    if (status !== undefined) return
    makeWhiteout(folder, name)
    this.#folders.whiteouts.add(parent === '' ? name : `${parent}/${name}`)
  }

  /** Makes a new name with `make`, which returns the kernel's result; what is in the way is removed first. */
  #makeNew(folder: number, base: ByteName, path: ByteName, make: (name: string | Buffer) => number): number {
    const name = nameArgument(base)
    let result = make(name)
    if (result === EEXIST) {
      this.#clear(folder, base, path)
      result = make(name)
    }
    if (result < 0) throw systemCallError('making the file', result, nameText(path))
    return result
  }

  /** Removes what is in the way in an open folder, which stays open. True where it was a whiteout of this layer. */
  #clear(folder: number, base: ByteName, path: ByteName): boolean {
    const wasWhiteout = this.#folders.whiteouts.delete(path)
    if (this.#options.keepKinds === true && findStatus(folder, base)?.type === S_IFDIR)
      throw new TspodError('CONFLICT', 'there is a folder of this name')
    removeAll(folder, base)
    if (!wasWhiteout) this.#folders.forget(folder)
    return wasWhiteout
  }

  #startFile(entry: TarEntry, folder: number, base: ByteName, path: ByteName): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    this.#file = this.#makeNew(folder, base, path, name =>
      trySyscall('openat', folder, name, flags, entry.mode & 0o777),
    )
    this.#entry = entry
    this.sizeBytes += entry.size
  }

  #finishFile(entry: TarEntry): void {
    const fd = this.#file
    if (entry.sparse !== undefined) syscall('ftruncate', fd, entry.size)
    this.#giveTo(entry, false, (uid, gid) => trySyscall('fchown', fd, uid, gid))
    if ((entry.mode & 0o7000) !== 0) syscall('fchmod', fd, entry.mode)
    if (entry.attributes !== undefined) this.#setAttributes(fd, undefined, entry)
    setTimesOf(fd, entry.accessed ?? entry.modified, entry.modified)
    this.#file = -1
    const closed = trySyscall('close', fd)
    if (closed < 0) throw systemCallError('close', closed) // a full quota on a network file system says so only here
  }

  #makeFolder(entry: TarEntry, folder: number, base: ByteName, path: ByteName): void {
    const make = (): number => trySyscall('mkdirat', folder, nameArgument(base), entry.mode & 0o1777)
    let result = make()
    const isOld = result === EEXIST && findStatus(folder, base)?.type === S_IFDIR
    if (isOld && this.#options.layer === undefined) return
    if (isOld) changeMode(folder, base, entry.mode & 0o1777)
    else if (result === EEXIST) {
      if (this.#options.keepKinds === true) throw new TspodError('CONFLICT', 'there is a file of this name')
      const wasWhiteout = this.#clear(folder, base, path)
      result = make()
      if (wasWhiteout && result === 0) makeOpaque(folder, base)
    }
    if (result < 0 && !isOld) throw systemCallError('mkdirat', result, nameText(path))
    this.#folders.implied.delete(path)
    this.#own(folder, base, entry, isOld)
    this.#setAttributes(folder, base, entry)
    this.#later(path, entry)
  }

  #later(path: ByteName, entry: TarEntry): void {
    this.#late.set(path, {
      mode: (entry.mode & 0o6000) === 0 ? undefined : entry.mode,
      accessed: entry.accessed ?? entry.modified,
      modified: entry.modified,
    })
  }

  #makeLink(entry: TarEntry, parent: ByteName, base: ByteName, path: ByteName): void {
    const target = splitPath(entry.linkPath)
    if (target.path === path) return // a link to itself: tar makes them of files listed twice
    const to = this.#folders.open(parent)
    const from = this.#folders.find(target.parent)
    const status = from === undefined || target.base === '' ? undefined : findStatus(from, target.base)
    if (from === undefined || status === undefined || this.#folders.whiteouts.has(target.path)) {
      if (this.skippedDevices.includes(nameText(target.path))) return this.#skipDevice(path)
      throw new TspodError('INVALID', `its target "${nameText(entry.linkPath)}" is not in this layer`)
    }
    if (status.type === S_IFDIR)
      throw new TspodError('INVALID', `its target "${nameText(entry.linkPath)}" is a directory`)
    const there = findStatus(to, base)
    if (there?.inode === status.inode && there.device === status.device) return
    if (there !== undefined) this.#clear(to, base, path)
    makeLink(this.#folders.open(target.parent), target.base, to, base)
  }

  #makeNode(entry: TarEntry, folder: number, base: ByteName, path: ByteName): void {
    const isDevice = entry.type !== 'fifo'
    const type = { character: S_IFCHR, block: S_IFBLK }[entry.type as string] ?? S_IFIFO
    const device = isDevice ? deviceNumber(entry.deviceMajor, entry.deviceMinor) : 0
    if (isDevice && device === 0) return this.#skipDevice(path) // on disk this would be a whiteout
    let isSkipped = false
    this.#makeNew(folder, base, path, () => {
      const result = tryMakeNode(folder, base, type, entry.mode & 0o777, device)
      isSkipped = isDevice && result === EPERM
      return isSkipped ? 0 : result
    })
    if (isSkipped) return this.#skipDevice(path)
    this.#finishNode(entry, folder, base)
    if ((entry.mode & 0o7000) !== 0) changeMode(folder, base, entry.mode)
  }

  #skipDevice(path: ByteName): void {
    this.skippedDevices.push(nameText(path))
  }

  #finishNode(entry: TarEntry, folder: number, base: ByteName): void {
    this.#own(folder, base, entry)
    this.#setAttributes(folder, base, entry)
    setTimes(folder, base, entry.accessed ?? entry.modified, entry.modified)
  }

  #own(folder: number, base: ByteName, entry: TarEntry, isOld = false): void {
    this.#giveTo(entry, isOld, (uid, gid) => tryChangeOwner(folder, base, uid, gid))
  }

  /** New files are the namespace root's already. */
  #giveTo(entry: TarEntry, isOld: boolean, give: (uid: number, gid: number) => number): void {
    const { owners } = this.#options
    const { uid, gid } = typeof owners === 'object' ? owners : entry
    if (owners === 'ignore' || (uid === 0 && gid === 0 && !isOld)) return
    if (owners !== 'record') return ownerGiven(give(uid, gid), uid, gid)
    if (uid !== 0 || gid !== 0) this.owners.push({ path: nameText(splitPath(entry.path).path), uid, gid })
  }

  /** `base` undefined: `folder` is the open file itself. */
  #setAttributes(folder: number, base: ByteName | undefined, entry: TarEntry): void {
    for (const [name, value] of entry.attributes ?? []) {
      if (isDriverAttribute(name)) continue
      const result =
        base === undefined
          ? trySyscall('fsetxattr', folder, nameArgument(name), value, value.byteLength, 0)
          : trySetAttribute(folder, base, name, value)
      // labels of the machine the image was made on, or a file system without attributes
      if (result === EPERM || result === EOPNOTSUPP || result === EINVAL) this.skippedAttributes.add(nameText(name))
      else if (result < 0) throw systemCallError('setxattr', result, nameText(name))
    }
  }
}

function ownerGiven(result: number, uid: number, gid: number): void {
  if (result >= 0) return
  if (result !== EINVAL) throw systemCallError('chown', result, `${uid}:${gid}`)
  throw new TspodError('DENIED', `it belongs to uid ${uid}, gid ${gid}, and you may not map as many ids`, {
    hint: 'an administrator enlarges your ranges in /etc/subuid and /etc/subgid; 65536 ids serve most images',
  })
}

/** Names the entry; what its own words got wrong is INVALID, what the machine refused keeps its code. */
function failed(entry: TarEntry, error: unknown): TspodError {
  const doing = `unpacking the ${entry.type} "${nameText(entry.path).slice(0, 300)}"`
  if (errnoOf(error) === 'ENAMETOOLONG')
    return new TspodError('INVALID', `${doing}: the name is too long`, { cause: error })
  return during(doing, error)
}
