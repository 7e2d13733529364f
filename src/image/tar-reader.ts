// A tar archive as a stream of bytes, taken apart: ustar, pax, GNU long names, GNU sparse files. Synchronous: whoever pushes waits.
//
// Theory of operation. `push` walks through each chunk with one state at a time: a header block, the body of a header that describes
// the next entry (pax, long name, sparse map), a file's content, or padding. Content is passed on as views of the chunk, never copied.
// Everything that is kept in memory has a limit, so that a hostile archive costs no more than an honest one.
import { during, TspodError } from '#errors.ts'
import { nameText } from '#sys/byte-name.ts'
import { BLOCK_BYTES, type SparseRegion, type TarEntry, type TarType } from './tar-entry.ts'
import { checksum, readNumber, readText, signedChecksum } from './tar-fields.ts'
import {
  applyPaxRecords,
  checkSparse,
  type PaxRecords,
  parsePaxNumber,
  parsePaxRecords,
  parseSparseMap,
} from './tar-pax.ts'

/** Takes what the reader finds. */
export interface TarSink {
  entry(entry: TarEntry): void
  /** Content of the last entry, in order; `offset` is its place in the file. */
  data(chunk: Buffer, offset: number): void
  /** The last entry is complete (called for every entry). */
  end(): void
}

/** Largest pax header, long name or sparse map that is accepted. */
const MAX_HEADER_BYTES = 8 << 20

type State = 'header' | 'body' | 'sparse-blocks' | 'sparse-map' | 'content' | 'padding' | 'ended'

const types: Record<string, TarType> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
}

export class TarReader {
  readonly #sink: TarSink
  readonly #block = Buffer.alloc(BLOCK_BYTES)
  #state: State = 'header'
  /** bytes gathered in #block or #body */
  #filled = 0
  #body = Buffer.alloc(0)
  #bodyFor = ''
  /** bytes of content or padding that are still to come */
  #left = 0
  #padding = 0
  #offset = 0
  #zeroBlocks = 0
  #position = 0
  #global: PaxRecords = new Map()
  #pax: PaxRecords | undefined
  #longName: string | undefined
  #longLink: string | undefined
  #entry: TarEntry | undefined
  #regions: SparseRegion[] = []
  #region = 0
  #mapText = ''

  constructor(sink: TarSink) {
    this.#sink = sink
  }

  /** Takes the next bytes. Throws INVALID for what is no tar archive, and whatever the sink throws. */
  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    while (at < chunk.byteLength && this.#state !== 'ended') {
      const taken = this.#take(chunk, at)
      at += taken
      this.#position += taken
    }
  }

  /** No more bytes. Throws INVALID when the archive ends inside an entry. */
  finish(): void {
    const isBetween = this.#state === 'header' && this.#filled === 0 && this.#pax === undefined
    if (this.#state !== 'ended' && !isBetween)
      throw new TspodError('INVALID', `the tar archive is cut off after ${this.#position} bytes`, {
        hint: 'the download or the file is incomplete',
      })
  }

  /** True once the end marker has been seen. */
  get isAtEnd(): boolean {
    return this.#state === 'ended'
  }

  /** How many of the bytes to come are content and its padding, which a reader of a file may leave out with `skipContent`. */
  get contentLeft(): number {
    return this.#state === 'content' && this.#regions.length === 0 ? this.#left + this.#padding : 0
  }

  /** The content that is left counts as read, without having been handed over. */
  skipContent(): void {
    if (this.contentLeft === 0) return
    this.#position += this.contentLeft
    this.#left = 0
    this.#padding = 0
    this.#endEntry()
  }

  #take(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'content':
        return this.#takeContent(chunk, at)
      case 'padding':
        return this.#takePadding(chunk, at)
      case 'body':
        return this.#takeBody(chunk, at)
      case 'header':
      case 'sparse-blocks':
      case 'sparse-map':
        return this.#takeBlock(chunk, at)
      case 'ended':
        return chunk.byteLength - at
    }
  }

  #takeBlock(chunk: Buffer, at: number): number {
    if (this.#filled === 0 && chunk.byteLength - at >= BLOCK_BYTES) {
      this.#onBlock(chunk.subarray(at, at + BLOCK_BYTES))
      return BLOCK_BYTES
    }
    const count = Math.min(BLOCK_BYTES - this.#filled, chunk.byteLength - at)
    chunk.copy(this.#block, this.#filled, at, at + count)
    this.#filled += count
    if (this.#filled === BLOCK_BYTES) {
      this.#filled = 0
      this.#onBlock(this.#block)
    }
    return count
  }

  #takeBody(chunk: Buffer, at: number): number {
    const count = Math.min(this.#body.byteLength - this.#filled, chunk.byteLength - at)
    chunk.copy(this.#body, this.#filled, at, at + count)
    this.#filled += count
    if (this.#filled === this.#body.byteLength) this.#onBody()
    return count
  }

  #takePadding(chunk: Buffer, at: number): number {
    const count = Math.min(this.#left, chunk.byteLength - at)
    this.#left -= count
    if (this.#left === 0) this.#state = 'header'
    return count
  }

  #takeContent(chunk: Buffer, at: number): number {
    const region = this.#regions[this.#region]
    const inRegion = region === undefined ? this.#left : region.offset + region.length - this.#offset
    const count = Math.min(this.#left, chunk.byteLength - at, inRegion)
    this.#sink.data(chunk.subarray(at, at + count), this.#offset)
    this.#offset += count
    this.#left -= count
    if (count === inRegion && region !== undefined) this.#nextRegion()
    if (this.#left === 0) this.#endEntry()
    return count
  }

  #nextRegion(): void {
    do {
      this.#region++
    } while (this.#regions[this.#region]?.length === 0)
    this.#offset = this.#regions[this.#region]?.offset ?? this.#offset
  }

  #endEntry(): void {
    this.#state = 'header'
    this.#skip(this.#padding)
    this.#sink.end()
    this.#entry = undefined
  }

  #skip(count: number): void {
    this.#left = count
    if (count > 0) this.#state = 'padding'
  }

  #onBlock(block: Buffer): void {
    if (this.#state === 'sparse-blocks') this.#onSparseBlock(block)
    else if (this.#state === 'sparse-map') this.#onMapBlock(block)
    else if (isZero(block)) this.#onZeroBlock()
    else {
      this.#zeroBlocks = 0
      try {
        this.#onHeader(block)
      } catch (error) {
        if (this.#entry !== undefined) throw error // the sink's own
        throw during(`reading the tar header at byte ${this.#position}`, error)
      }
    }
  }

  #onZeroBlock(): void {
    if (this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined)
      throw new TspodError('INVALID', 'the tar archive ends after a header for an entry that is missing')
    if (++this.#zeroBlocks === 2) this.#state = 'ended'
  }

  #onHeader(block: Buffer): void {
    const wanted = readNumber(block, 148, 8, 'checksum')
    if (wanted !== checksum(block) && wanted !== signedChecksum(block))
      throw new TspodError('INVALID', 'the checksum is wrong', { hint: 'this is no tar archive, or it is damaged' })
    const flag = String.fromCharCode(block[156] ?? 0)
    const size = readNumber(block, 124, 12, 'size')
    if (size < 0) throw new TspodError('INVALID', `the size is ${size}, must not be negative`)
    if (flag === 'x' || flag === 'g' || flag === 'X' || flag === 'L' || flag === 'K') this.#startBody(flag, size)
    else if (types[flag] === undefined) this.#onUnknown(flag, size)
    else this.#startEntry(block, flag, types[flag], size)
  }

  /** Volume labels and the like have nothing to unpack; POSIX wants other unknown types to be files, and nobody makes them. */
  #onUnknown(flag: string, size: number): void {
    if (!/^[VMDNA-Z]$/.test(flag))
      throw new TspodError('INVALID', `the type is ${JSON.stringify(flag)}, which is unknown`)
    this.#forgetHeaders()
    this.#skip(Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES)
  }

  #startBody(flag: string, size: number): void {
    if (size > MAX_HEADER_BYTES)
      throw new TspodError('INVALID', `an extended header has ${size} bytes, at most ${MAX_HEADER_BYTES} are read`)
    this.#bodyFor = flag
    this.#body = Buffer.alloc(size)
    this.#filled = 0
    this.#padding = -size & (BLOCK_BYTES - 1)
    this.#state = 'body'
    if (size === 0) this.#onBody()
  }

  #onBody(): void {
    this.#filled = 0
    this.#state = 'header'
    this.#skip(this.#padding)
    const body = this.#body
    if (this.#bodyFor === 'L') this.#longName = readText(body, 0, body.byteLength)
    else if (this.#bodyFor === 'K') this.#longLink = readText(body, 0, body.byteLength)
    else if (this.#bodyFor === 'g') parsePaxRecords(body, this.#global)
    else {
      this.#pax ??= new Map()
      parsePaxRecords(body, this.#pax)
    }
  }

  #forgetHeaders(): void {
    this.#pax = undefined
    this.#longName = undefined
    this.#longLink = undefined
  }

  #startEntry(block: Buffer, flag: string, type: TarType, headerSize: number): void {
    const records = this.#records()
    const entry = decodeHeader(block, type)
    if (this.#longName !== undefined) entry.path = this.#longName
    if (this.#longLink !== undefined) entry.linkPath = this.#longLink
    if (records !== undefined) applyPaxRecords(entry, records)
    if (type === 'file' && entry.path.endsWith('/') && flag !== 'S') entry.type = 'directory' // version 7 archives
    const hasContent = entry.type === 'file'
    const paxSize = records?.get('size')
    const stored = hasContent ? (paxSize ? parsePaxNumber('size', paxSize) : headerSize) : 0
    if (entry.path.includes('\0') || entry.linkPath.includes('\0'))
      throw new TspodError('INVALID', `the name "${nameText(entry.path)}" contains a NUL byte`)
    this.#forgetHeaders()
    this.#regions = []
    this.#padding = -stored & (BLOCK_BYTES - 1)
    this.#left = stored
    entry.size = stored
    this.#entry = entry
    if (flag === 'S') this.#startOldSparse(block)
    else if (hasContent && records !== undefined) this.#startPaxSparse(records)
    else this.#emit()
  }

  /** This entry's records over the global ones. */
  #records(): PaxRecords | undefined {
    if (this.#global.size === 0) return this.#pax
    const all = new Map(this.#global)
    for (const [key, value] of this.#pax ?? []) {
      if (value === '' && !key.startsWith('SCHILY.xattr.')) all.delete(key)
      else all.set(key, value)
    }
    return all
  }

  /** Hands the entry over and turns to its content. */
  #emit(): void {
    const entry = this.#entry
    if (entry === undefined) return
    if (this.#regions.length > 0 || entry.sparse !== undefined) {
      checkSparse(this.#regions, entry.size, this.#left)
      entry.sparse = this.#regions
    }
    this.#region = -1
    this.#offset = 0
    this.#nextRegion()
    this.#state = 'content'
    this.#sink.entry(entry)
    if (this.#left === 0) this.#endEntry()
  }

  #startOldSparse(block: Buffer): void {
    const entry = this.#entry
    if (entry === undefined) return
    entry.sparse = []
    entry.size = readNumber(block, 483, 12, 'real size')
    this.#addRegions(block, 386, 4)
    if (block[482] === 0) this.#emit()
    else this.#state = 'sparse-blocks'
  }

  #onSparseBlock(block: Buffer): void {
    this.#addRegions(block, 0, 21)
    if (block[504] === 0) this.#emit()
  }

  #addRegions(block: Buffer, start: number, count: number): void {
    for (let index = 0; index < count; index++) {
      const at = start + 24 * index
      if (block[at] === 0) break
      const offset = readNumber(block, at, 12, 'sparse offset')
      this.#addRegion(offset, readNumber(block, at + 12, 12, 'sparse length'))
    }
  }

  #addRegion(offset: number, length: number): void {
    if (this.#regions.length >= MAX_HEADER_BYTES / 16)
      throw new TspodError('INVALID', `a sparse file has more than ${this.#regions.length} pieces`)
    this.#regions.push({ offset, length })
  }

  #startPaxSparse(records: PaxRecords): void {
    const entry = this.#entry
    const map = records.get('GNU.sparse.map')
    const size = records.get('GNU.sparse.realsize') ?? records.get('GNU.sparse.size')
    const isVersionOne = records.get('GNU.sparse.major') === '1' && records.get('GNU.sparse.minor') === '0'
    if (entry === undefined || size === undefined || (map === undefined && !isVersionOne)) return this.#emit()
    entry.sparse = []
    entry.size = parsePaxNumber('GNU.sparse.realsize', size)
    if (isVersionOne) {
      this.#mapText = ''
      this.#state = 'sparse-map'
    } else {
      this.#regions = parseSparseMap(map ?? '')
      this.#emit()
    }
  }

  /** GNU's format 1.0: the map stands before the data, decimal numbers with newlines, padded to whole blocks. */
  #onMapBlock(block: Buffer): void {
    this.#mapText += block.toString('latin1')
    this.#left -= BLOCK_BYTES
    if (this.#mapText.length > MAX_HEADER_BYTES || this.#left < 0)
      throw new TspodError('INVALID', 'the map of a sparse file is larger than the file')
    // looking at the whole text again for each block would be quadratic: its length tells whether it can be complete
    const firstEnd = this.#mapText.indexOf('\n')
    const count = firstEnd === -1 ? Number.POSITIVE_INFINITY : Number(this.#mapText.slice(0, firstEnd))
    if (Number.isNaN(count)) throw new TspodError('INVALID', 'the map of a sparse file has no number of pieces')
    if (this.#mapText.length < 4 * count) return
    const lines = this.#mapText.split('\n', 2 * count + 2)
    if (lines.length < 2 * count + 2) return
    for (let index = 0; index < count; index++) {
      const offset = parsePaxNumber('sparse offset', lines[1 + 2 * index] ?? '')
      this.#addRegion(offset, parsePaxNumber('sparse length', lines[2 + 2 * index] ?? ''))
    }
    this.#mapText = ''
    this.#emit()
  }
}

/** The ustar header (pax(1)); GNU tar and star put other things where the prefix is. */
function decodeHeader(block: Buffer, type: TarType): TarEntry {
  const magic = block.toString('latin1', 257, 263)
  const isPosix = magic === 'ustar\0'
  const isStar = isPosix && block.toString('latin1', 508, 512) === 'tar\0'
  const name = readText(block, 0, 100)
  const prefix = isPosix && block[345] !== 0 ? readText(block, 345, isStar ? 131 : 155) : ''
  const hasDevice = type === 'character' || type === 'block'
  return {
    type,
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkPath: block[157] === 0 ? '' : readText(block, 157, 100),
    mode: readNumber(block, 100, 8, 'mode') & 0o7777,
    uid: readNumber(block, 108, 8, 'uid'),
    gid: readNumber(block, 116, 8, 'gid'),
    userName: block[265] === 0 ? '' : readText(block, 265, 32),
    groupName: block[297] === 0 ? '' : readText(block, 297, 32),
    size: 0,
    modified: { seconds: readNumber(block, 136, 12, 'modification time'), nanoseconds: 0 },
    deviceMajor: hasDevice ? readNumber(block, 329, 8, 'device major number') : 0,
    deviceMinor: hasDevice ? readNumber(block, 337, 8, 'device minor number') : 0,
  }
}

function isZero(block: Buffer): boolean {
  if (block[0] !== 0 || block[156] !== 0 || block[257] !== 0) return false
  return block.every(byte => byte === 0)
}
