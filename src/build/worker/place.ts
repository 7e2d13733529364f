// COPY, ADD and WORKDIR: puts files into a root file system that nothing of theirs can leave. In the worker, as the namespace's root.
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { type FoundSource, findSources, type WalkedFile, walkSource } from '#build/context/walk.ts'
import { TspodError } from '#errors.ts'
import { decompress } from '#image/decompress.ts'
import { type ForeignCompression, sniffForeign } from '#image/foreign-compression.ts'
import type { TarEntry } from '#image/tar-entry.ts'
import { TarReader } from '#image/tar-reader.ts'
import { Unpacker } from '#image/unpack.ts'
import { type Compression, sniffCompression } from '#oci/media-types.ts'
import { isDriverAttribute } from '#storage/whiteout.ts'
import { attributeNames, readAttribute } from '#sys/attributes.ts'
import { type ByteName, byteName } from '#sys/byte-name.ts'
import { type Fd, openFile, readFd } from '#sys/fd.ts'
import { type FileTime, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { openAt } from '#sys/make-at.ts'
import { findBeneath, readLinkAt } from '#sys/open-beneath.ts'
import { parseChmod } from './chmod.ts'
import { fingerprintLine } from './fingerprint.ts'
import type { CopyRequest } from './protocol.ts'

const PIECE_BYTES = 1 << 20

const now = (): FileTime => {
  const ms = Date.now()
  return { seconds: Math.floor(ms / 1000), nanoseconds: (ms % 1000) * 1e6 }
}

function entryOf(type: TarEntry['type'], path: ByteName, more: Partial<TarEntry>): TarEntry {
  return {
    type,
    path,
    linkPath: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: 0,
    modified: now(),
    deviceMajor: 0,
    deviceMinor: 0,
    ...more,
  }
}

/** Makes a folder with those above it where they are missing. False where it is there. */
export function placeFolder(root: number, path: string): boolean {
  if (folderAt(root, path)) return false
  using unpacker = new Unpacker(root, { owners: 'give', keepKinds: true })
  makeFolders(unpacker, root, path, { uid: 0, gid: 0 })
  unpacker.finish()
  return true
}

/** Copies what was asked for; a digest over names, sizes and times of the files as they were found. Throws NOT_FOUND, CONFLICT. */
export async function placeFiles(root: number, source: number, request: CopyRequest): Promise<string> {
  const placing = new Placing(root, source, request)
  try {
    return await placing.run()
  } finally {
    placing.unpacker[Symbol.dispose]()
  }
}

class Placing {
  readonly unpacker: Unpacker
  readonly #root: number
  readonly #source: number
  readonly #request: CopyRequest
  readonly #owner: { uid: number; gid: number }
  readonly #fingerprint = createHash('sha256')
  readonly #chmod: ((mode: number, isFolder: boolean) => number) | undefined

  constructor(root: number, source: number, request: CopyRequest) {
    this.#root = root
    this.#source = source
    this.#request = request
    this.#owner = request.owner === 'keep' ? { uid: 0, gid: 0 } : request.owner
    this.#chmod = request.chmod === undefined ? undefined : parseChmod(request.chmod)
    this.unpacker = new Unpacker(root, { owners: 'give', keepKinds: true })
  }

  async run(): Promise<string> {
    const { destination, sources, fetched, parents } = this.#request
    const found = sources.map(source => (source.kind === 'path' ? this.#find(source.pattern) : [source]))
    const isFolder = destination.endsWith('/') || folderAt(this.#root, destination)
    const count = found.flat().length
    if (count > 1 && !isFolder)
      throw new TspodError('INVALID', `${count} sources go to "${destination}", which must be a folder`, {
        hint: `end it with a slash: ${destination}/`,
      })
    const target = destination.replace(/\/+$/, '')
    makeFolders(this.unpacker, this.#root, isFolder ? target : target.slice(0, target.lastIndexOf('/')), this.#owner)
    for (const each of found.flat()) {
      if ('kind' in each) {
        if (each.kind === 'inline') this.#placeText(isFolder ? `${target}/${each.name}` : target, each.content)
        else if (each.kind === 'url' || each.kind === 'git')
          await this.#placeFetched(fetched[each.url], target, isFolder)
      } else if (this.#request.unpack && !each.isFolder && (await this.#unpackArchive(each, target))) continue
      else if (parents) this.#placeWithParents(each, target)
      else this.#place(each, each.isFolder || !isFolder ? target : `${target}/${each.name}`)
    }
    this.unpacker.finish()
    return this.#fingerprint.digest('hex')
  }

  #find(pattern: string): FoundSource[] {
    const found = findSources(this.#source, pattern, this.#request)
    if (found.length === 0)
      throw new TspodError('NOT_FOUND', `"${pattern}": no such file or directory`, {
        hint: this.#request.ignore.length > 0 ? 'perhaps the ignore file leaves it out' : undefined,
      })
    return found
  }

  /** COPY --parents. */
  #placeWithParents(source: FoundSource, target: string): void {
    const place = source.kept === '' ? target : `${target}/${source.kept}`
    makeFolders(this.unpacker, this.#root, place.slice(0, place.lastIndexOf('/')), this.#owner)
    this.#place(source, place)
  }

  #place(source: FoundSource, place: string): void {
    const linked = new Map<string, ByteName>()
    const at = byteName(place.replace(/^\/+/, ''))
    for (const file of walkSource(this.#source, source, this.#request)) {
      const path = file.path === '' ? at : at === '' ? file.path : `${at}/${file.path}`
      const isTop = file.path === '' && source.isFolder
      if (!isTop) this.#fingerprint.update(fingerprintLine(source.path, file))
      if (isTop && folderAt(this.#root, place)) continue
      this.#placeFile(file, path, linked)
    }
  }

  #placeFile(file: WalkedFile, path: ByteName, linked: Map<string, ByteName>): void {
    const { folder, name, status } = file
    const isFolder = status.type === S_IFDIR
    const type = { [S_IFDIR]: 'directory', [S_IFREG]: 'file', [S_IFLNK]: 'symlink', [S_IFIFO]: 'fifo' }[status.type]
    if (type === undefined) return // a socket or a device of this machine
    const owner = this.#request.owner === 'keep' ? { uid: status.uid, gid: status.gid } : this.#owner
    const entry = entryOf(type as TarEntry['type'], path, {
      mode: this.#chmod === undefined ? status.mode : this.#chmod(status.mode, isFolder),
      ...owner,
      modified: status.modified,
      size: status.type === S_IFREG ? status.size : 0,
      ...(status.type === S_IFLNK && { linkPath: readLinkAt(folder, name) }),
      ...(this.#request.owner === 'keep' && { attributes: attributesOf(folder, name) }),
    })
    if (!isFolder && status.links > 1) {
      const key = `${status.device} ${status.inode}`
      const first = linked.get(key)
      if (first !== undefined) {
        this.unpacker.entry({ ...entry, type: 'link', linkPath: first, size: 0 })
        return this.unpacker.end()
      }
      linked.set(key, path)
    }
    this.unpacker.entry(entry)
    if (status.type === S_IFREG) this.#copyContent(file)
    this.unpacker.end()
  }

  #copyContent({ folder, name, status }: WalkedFile): void {
    using file =
      name === '' ? openFile(`/proc/self/fd/${folder}`, O_RDONLY) : openAt(folder, name, O_RDONLY | O_NONBLOCK)
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(1, status.size)))
    for (let offset = 0; ; ) {
      const count = readFd(file.number, piece)
      if (count === 0) return
      this.unpacker.data(piece.subarray(0, count), offset)
      offset += count
    }
  }

  #placeText(path: string, content: string): void {
    const bytes = Buffer.from(content)
    const mode = this.#chmod === undefined ? 0o644 : this.#chmod(0o644, false)
    this.unpacker.entry(
      entryOf('file', byteName(path.replace(/^\/+/, '')), { mode, ...this.#owner, size: bytes.byteLength }),
    )
    if (bytes.byteLength > 0) this.unpacker.data(bytes, 0)
    this.unpacker.end()
  }

  async #placeFetched(
    file: CopyRequest['fetched'][string] | undefined,
    target: string,
    isFolder: boolean,
  ): Promise<void> {
    if (file === undefined) throw new TspodError('INTERNAL', 'a file that was to be downloaded is not there')
    using opened = openFile(file.path, O_PATH)
    const status = statusOf(opened.number)
    if (status.type === S_IFDIR) {
      // a repository: its files, not its folder
      using folder = openFile(file.path, O_RDONLY | O_DIRECTORY)
      const source = { path: '', name: '', kept: '', isFolder: true }
      const linked = new Map<string, ByteName>()
      const at = byteName(target.replace(/^\/+/, ''))
      for (const each of walkSource(folder.number, source, { ignore: [], exclude: this.#request.exclude }))
        if (each.path !== '') this.#placeFile(each, at === '' ? each.path : `${at}/${each.path}`, linked)
      return
    }
    const path = isFolder ? `${target}/${file.name}` : target
    const modified =
      file.modifiedSeconds === undefined ? status.modified : { seconds: file.modifiedSeconds, nanoseconds: 0 }
    const mode = this.#chmod === undefined ? 0o600 : this.#chmod(0o600, false)
    this.#placeFile(
      { path: '', folder: opened.number, name: '', status: { ...status, mode, modified, links: 1 } },
      byteName(path.replace(/^\/+/, '')),
      new Map(),
    )
  }

  /** A local archive of ADD. False for what is none. */
  async #unpackArchive(source: FoundSource, target: string): Promise<boolean> {
    using opened = findBeneath(this.#source, byteName(source.path), O_PATH)
    if (opened === undefined || statusOf(opened.number).type !== S_IFREG) return false
    const path = `/proc/self/fd/${opened.number}`
    const foreign = await foreignArchive(path)
    const compression = foreign ?? archiveCompression(path)
    if (compression === undefined) return false
    this.#fingerprint.update(
      fingerprintLine(source.path, { path: '', folder: -1, name: '', status: statusOf(opened.number) }),
    )
    makeFolders(this.unpacker, this.#root, target, this.#owner)
    const place = folderBeneath(this.#root, target)
    if (place === undefined) throw new TspodError('CONFLICT', `"${target}" is not a directory`)
    using _place = place
    const owners =
      this.#request.owner === 'keep' || (this.#owner.uid === 0 && this.#owner.gid === 0) ? 'give' : this.#owner
    using unpacker = new Unpacker(place.number, { owners, keepKinds: true })
    const reader = new TarReader(unpacker)
    const plain =
      foreign === undefined
        ? decompress(chunksOf(path), compression as Compression)
        : (await import('#image/foreign-compression.ts')).decompressForeign(path, foreign)
    for await (const chunk of plain) reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    reader.finish()
    unpacker.finish()
    return true
  }
}

function makeFolders(unpacker: Unpacker, root: number, path: string, owner: { uid: number; gid: number }): void {
  const parts = path.split('/').filter(part => part !== '')
  for (let length = 1; length <= parts.length; length++) {
    const folder = parts.slice(0, length).join('/')
    if (folderAt(root, folder)) continue
    unpacker.entry(entryOf('directory', byteName(folder), { mode: 0o755, ...owner }))
    unpacker.end()
  }
}

function folderBeneath(root: number, path: string): Fd | undefined {
  try {
    return findBeneath(root, byteName(path), O_RDONLY | O_DIRECTORY)
  } catch {
    return undefined // a part of it is a file: making it says so
  }
}

/** True for a folder, also behind a link. */
function folderAt(root: number, path: string): boolean {
  using found = folderBeneath(root, path)
  return found !== undefined
}

function attributesOf(folder: number, name: ByteName): Map<ByteName, Buffer> | undefined {
  const attributes = new Map<ByteName, Buffer>()
  for (const attribute of attributeNames(folder, name)) {
    const isOwn = isDriverAttribute(attribute) || attribute === 'security.selinux'
    const value = isOwn ? undefined : readAttribute(folder, name, attribute)
    if (value !== undefined) attributes.set(attribute, value)
  }
  return attributes.size === 0 ? undefined : attributes
}

const TAR_MAGIC_OFFSET = 257

/** How a tar archive is compressed; `undefined` for a file that is none. Compressed files count as archives where their beginning does. */
export function archiveCompression(path: string): 'gzip' | 'zstd' | 'none' | undefined {
  const head = Buffer.alloc(1 << 16)
  const fd = openSync(path, 'r')
  let length: number
  try {
    length = readSync(fd, head, 0, head.byteLength, 0)
  } finally {
    closeSync(fd)
  }
  const compression = sniffCompression(head)
  const begin = compression === 'none' ? head.subarray(0, length) : inflateStart(head.subarray(0, length), compression)
  if (isTar(begin)) return compression
  return undefined
}

/** How a tar archive is compressed by xz or bzip2; `undefined` for anything else. */
async function foreignArchive(path: string): Promise<ForeignCompression | undefined> {
  const head = Buffer.alloc(6)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, head, 0, head.byteLength, 0)
  } finally {
    closeSync(fd)
  }
  const compression = sniffForeign(head)
  if (compression === undefined) return undefined
  const { decompressForeign } = await import('#image/foreign-compression.ts')
  let begin = Buffer.alloc(0)
  for await (const piece of decompressForeign(path, compression)) {
    begin = Buffer.concat([begin, piece])
    if (begin.byteLength > TAR_MAGIC_OFFSET + 5) break
  }
  return isTar(begin) ? compression : undefined
}

const isTar = (begin: Buffer): boolean =>
  begin.subarray(TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + 5).toString('latin1') === 'ustar'

function inflateStart(bytes: Buffer, compression: 'gzip' | 'zstd'): Buffer {
  const zlib = process.getBuiltinModule('node:zlib')
  try {
    const finishFlush = compression === 'gzip' ? zlib.constants.Z_SYNC_FLUSH : zlib.constants.ZSTD_e_flush
    return compression === 'gzip'
      ? zlib.gunzipSync(bytes, { finishFlush })
      : zlib.zstdDecompressSync(bytes, { finishFlush })
  } catch {
    return Buffer.alloc(0) // compressed in a way that does not begin: no archive
  }
}

async function* chunksOf(path: string): AsyncIterable<Uint8Array> {
  using file = openFile(path, O_RDONLY)
  for (;;) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    const count = readFd(file.number, piece)
    if (count === 0) return
    yield piece.subarray(0, count)
  }
}
