// Records of pax extended headers (pax(1)), and how they change an entry: `25 path=some/long/name\n`. Pure.
import { TspodError } from '#errors.ts'
import type { FileTime } from '#sys/file-status.ts'
import type { SparseRegion, TarEntry } from './tar-entry.ts'

/** Values by key, as byte strings; an empty value takes an earlier (global) one away. */
export type PaxRecords = Map<string, string>

/** Parses a pax header's body into `records`; repeated sparse keys of GNU's format 0.0 are joined into one map. */
export function parsePaxRecords(body: Buffer, records: PaxRecords): void {
  const map: string[] = []
  for (let at = 0; at < body.byteLength; ) {
    const blank = body.indexOf(0x20, at)
    const length = blank > at && blank - at <= 20 ? Number(body.toString('latin1', at, blank)) : Number.NaN
    const end = at + length
    if (!Number.isSafeInteger(length) || end > body.byteLength || end < blank + 2 || body[end - 1] !== 0x0a) {
      if (isPadding(body, at)) break
      throw new TspodError('INVALID', `a pax header has a record with a wrong length at byte ${at}`)
    }
    const equals = body.indexOf(0x3d, blank)
    if (equals === -1 || equals >= end)
      throw new TspodError('INVALID', `a pax header has a record without "=" at byte ${at}`)
    const key = body.toString('latin1', blank + 1, equals)
    const value = body.toString('latin1', equals + 1, end - 1)
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') map.push(value)
    else records.set(key, value)
    at = end
  }
  if (map.length > 0) records.set('GNU.sparse.map', map.join(','))
}

function isPadding(body: Buffer, start: number): boolean {
  for (let at = start; at < body.byteLength; at++) if (body[at] !== 0) return false
  return true
}

/** `1700000000.123456789`, perhaps negative: rounded down to the nanosecond. */
export function parsePaxTime(text: string): FileTime {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d{1,17})(?:\.(\d*))?$/.exec(text) ?? []
  if (whole === '') throw new TspodError('INVALID', `a pax header has the time "${text}", must be a decimal number`)
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign !== '-') return { seconds: Number(whole), nanoseconds }
  return nanoseconds === 0
    ? { seconds: -Number(whole), nanoseconds: 0 }
    : { seconds: -Number(whole) - 1, nanoseconds: 1_000_000_000 - nanoseconds }
}

/** A whole number that is not negative, as pax headers write it. */
export function parsePaxNumber(key: string, text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value))
    throw new TspodError('INVALID', `a pax header has ${key}="${text}", must be a whole number`)
  return value
}

/** Puts what the records say into an entry. Sizes and sparse maps concern the reader and are left to it. */
export function applyPaxRecords(entry: TarEntry, records: PaxRecords): void {
  for (const [key, value] of records) {
    if (value === '' && !key.startsWith('SCHILY.xattr.')) continue
    switch (key) {
      case 'path':
        entry.path = value
        break
      case 'linkpath':
        entry.linkPath = value
        break
      case 'uid':
        entry.uid = parsePaxNumber(key, value)
        break
      case 'gid':
        entry.gid = parsePaxNumber(key, value)
        break
      case 'uname':
        entry.userName = value
        break
      case 'gname':
        entry.groupName = value
        break
      case 'mtime':
        entry.modified = parsePaxTime(value)
        break
      case 'atime':
        entry.accessed = parsePaxTime(value)
        break
      case 'GNU.sparse.name':
        entry.path = value
        break
      default:
        applyAttribute(entry, key, value)
    }
  }
}

function applyAttribute(entry: TarEntry, key: string, value: string): void {
  if (key.startsWith('SCHILY.xattr.')) {
    entry.attributes ??= new Map()
    entry.attributes.set(key.slice('SCHILY.xattr.'.length), Buffer.from(value, 'latin1'))
  } else if (key.startsWith('LIBARCHIVE.xattr.')) {
    entry.attributes ??= new Map()
    const name = unescapeUrl(key.slice('LIBARCHIVE.xattr.'.length))
    if (!entry.attributes.has(name)) entry.attributes.set(name, Buffer.from(value, 'base64'))
  }
}

function unescapeUrl(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** `offset,length,offset,length…` of GNU's sparse formats 0.0 and 0.1. */
export function parseSparseMap(text: string): SparseRegion[] {
  const numbers = text.split(',').map(each => parsePaxNumber('GNU.sparse.map', each))
  if (numbers.length % 2 !== 0) throw new TspodError('INVALID', 'a pax header has a sparse map with an odd number')
  const regions: SparseRegion[] = []
  for (let at = 0; at < numbers.length; at += 2)
    regions.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 })
  return regions
}

/** Refuses maps that overlap, run backwards, leave the file, or need other than the stored bytes. */
export function checkSparse(regions: readonly SparseRegion[], size: number, storedBytes: number): void {
  let end = 0
  let stored = 0
  for (const { offset, length } of regions) {
    if (offset < end || offset + length > size)
      throw new TspodError(
        'INVALID',
        `a sparse file has data at byte ${offset}, outside its order or its ${size} bytes`,
      )
    end = offset + length
    stored += length
  }
  if (stored !== storedBytes)
    throw new TspodError('INVALID', `a sparse file maps ${stored} bytes, the archive holds ${storedBytes}`)
}
