// Headers of a tar archive: ustar, with a pax header before it for what ustar has no room for (pax(1)). The same entry always makes
// the same bytes. Pure.
import type { ByteName } from '#sys/byte-name.ts'
import type { FileTime } from '#sys/file-status.ts'
import { BLOCK_BYTES, type TarEntry, type TarType } from './tar-entry.ts'
import { checksum } from './tar-fields.ts'

const typeFlags: Record<TarType, string> = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

/** Two blocks of zeros end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * BLOCK_BYTES)

/** Zeros that follow a file's content of this size. */
export function tarPadding(size: number): Uint8Array {
  return tarEnd.subarray(0, -size & (BLOCK_BYTES - 1))
}

/** The header blocks of one entry; `size` bytes of content and `tarPadding` follow. Sparse files are written in full. */
export function tarHeader(entry: TarEntry): Buffer {
  const records = new Map<string, string>()
  const path = entry.type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path
  const [name, prefix] = fitPath(path) ?? ['', undefined]
  if (prefix === undefined) records.set('path', path)
  if (!isShort(entry.linkPath, 100)) records.set('linkpath', entry.linkPath)
  if (!isShort(entry.userName, 32)) records.set('uname', entry.userName)
  if (!isShort(entry.groupName, 32)) records.set('gname', entry.groupName)
  if (entry.uid > 0o7777777) records.set('uid', String(entry.uid))
  if (entry.gid > 0o7777777) records.set('gid', String(entry.gid))
  if (entry.size > 0o77777777777) records.set('size', String(entry.size))
  if (!isPlainTime(entry.modified)) records.set('mtime', formatPaxTime(entry.modified))
  if (entry.accessed !== undefined) records.set('atime', formatPaxTime(entry.accessed))
  for (const [attribute, value] of entry.attributes ?? [])
    records.set(`SCHILY.xattr.${attribute}`, value.toString('latin1'))
  const header = ustarHeader(entry, prefix === undefined ? shorten(path) : name, prefix ?? '', typeFlags[entry.type])
  return records.size === 0 ? header : Buffer.concat([paxHeader(path, records), header])
}

function ustarHeader(entry: TarEntry, name: string, prefix: string, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, start: number, digits: number, most: number): void => {
    const fits = value >= 0 && value <= most
    block.write(`${(fits ? value : 0).toString(8).padStart(digits, '0')}\0`, start, 'latin1')
  }
  block.write(name, 0, 'latin1')
  octal(entry.mode, 100, 7, 0o7777)
  octal(entry.uid, 108, 7, 0o7777777)
  octal(entry.gid, 116, 7, 0o7777777)
  octal(entry.size, 124, 11, 0o77777777777)
  octal(entry.modified.seconds, 136, 11, 0o77777777777)
  block.write(flag, 156, 'latin1')
  if (isShort(entry.linkPath, 100)) block.write(entry.linkPath, 157, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  if (isShort(entry.userName, 32)) block.write(entry.userName, 265, 'latin1')
  if (isShort(entry.groupName, 32)) block.write(entry.groupName, 297, 'latin1')
  octal(entry.deviceMajor, 329, 7, 0o7777777)
  octal(entry.deviceMinor, 337, 7, 0o7777777)
  block.write(prefix, 345, 'latin1')
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function paxHeader(path: ByteName, records: ReadonlyMap<string, string>): Buffer {
  const keys = [...records.keys()].sort()
  const body = Buffer.from(keys.map(key => paxRecord(key, records.get(key) ?? '')).join(''), 'latin1')
  const parts = path.split('/').filter(Boolean)
  const name = shorten([...parts.slice(0, -1), 'PaxHeaders.0', parts.at(-1) ?? ''].join('/'))
  const about: TarEntry = {
    type: 'file',
    path: name,
    linkPath: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size: body.byteLength,
    modified: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
  }
  return Buffer.concat([ustarHeader(about, name, '', 'x'), body, tarPadding(body.byteLength)])
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}

/** How the path is cut into ustar's name and prefix; `undefined` where it does not fit or is not ASCII. */
function fitPath(path: ByteName): [name: string, prefix: string] | undefined {
  if (!isAscii(path)) return undefined
  if (path.length <= 100) return [path, '']
  const cut = path.indexOf('/', path.length - 101)
  if (cut <= 0 || cut > 155 || cut === path.length - 1) return undefined
  return [path.slice(cut + 1), path.slice(0, cut)]
}

/** A name for readers that do not know pax. */
function shorten(path: ByteName): string {
  return path.replace(/[^\x20-\x7e]/g, '_').slice(-100)
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function isShort(text: string, most: number): boolean {
  return text.length <= most && isAscii(text)
}

function isPlainTime({ seconds, nanoseconds }: FileTime): boolean {
  return nanoseconds === 0 && seconds >= 0 && seconds <= 0o77777777777
}

/** Seconds as a decimal number: -1.5 s is -2 s and 500,000,000 ns. */
export function formatPaxTime({ seconds, nanoseconds }: FileTime): string {
  if (nanoseconds === 0) return String(seconds)
  const isNegative = seconds < 0
  const whole = isNegative ? -seconds - 1 : seconds
  const fraction = String(isNegative ? 1_000_000_000 - nanoseconds : nanoseconds).padStart(9, '0')
  return `${isNegative ? '-' : ''}${whole}.${fraction.replace(/0+$/, '')}`
}
