// What the kernel knows of a file: statx(2), Linux 4.11.

import { type ByteName, nameArgument, nameText } from './byte-name.ts'
import { systemCallError, trySyscall } from './call.ts'
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './flags.ts'
import { call } from './servant/batch.ts'
import type { Servant } from './servant/servant.ts'

export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

export interface FileTime {
  /** since 1970, may be negative */
  seconds: number
  /** 0 to 999,999,999 */
  nanoseconds: number
}

export interface FileStatus {
  /** one of S_IF… */
  type: number
  /** the twelve permission bits */
  mode: number
  uid: number
  gid: number
  links: number
  inode: number
  size: number
  /** bytes taken on the disk */
  diskBytes: number
  modified: FileTime
  accessed: FileTime
  /** of the inode itself (st_ctim) */
  changed: FileTime
  /** device the file lies on, major and minor in one text */
  device: string
  /** which mount it is seen through; 0 before Linux 5.8 */
  mountId: number
  /** of a device node */
  deviceMajor: number
  deviceMinor: number
}

const STATX_BASIC_STATS_AND_MNT_ID = 0x17ff
const ENOENT = -2

const STATX_BYTES = 256
const buffer = Buffer.alloc(STATX_BYTES)

/** The file `name` in an open folder, not followed when it is a symbolic link; the folder itself for ''. `undefined` when absent. */
export function findStatus(folder: number, name: ByteName): FileStatus | undefined {
  const flags = AT_SYMLINK_NOFOLLOW | (name === '' ? AT_EMPTY_PATH : 0)
  const result = trySyscall('statx', folder, nameArgument(name), flags, STATX_BASIC_STATS_AND_MNT_ID, buffer)
  if (result === ENOENT) return undefined
  if (result < 0) throw systemCallError('statx', result, nameText(name))
  return decode(buffer)
}

/** The same for a descriptor of a servant, with the ids of its user namespace. */
export function statusIn(servant: Servant, fd: number): FileStatus {
  const statx = (address: bigint) => call('statx', fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS_AND_MNT_ID, address)
  return decode(servant.fill(STATX_BYTES, statx))
}

/** The same for a file that must be there. */
export function statusAt(folder: number, name: ByteName): FileStatus {
  const status = findStatus(folder, name)
  if (status === undefined) throw systemCallError('statx', ENOENT, nameText(name))
  return status
}

/** Of an open descriptor. */
export function statusOf(fd: number): FileStatus {
  return statusAt(fd, '')
}

function timeAt(bytes: Buffer, offset: number): FileTime {
  return { seconds: Number(bytes.readBigInt64LE(offset)), nanoseconds: bytes.readUInt32LE(offset + 8) }
}

/** struct statx */
function decode(bytes: Buffer): FileStatus {
  const mode = bytes.readUInt16LE(28)
  return {
    type: mode & S_IFMT,
    mode: mode & 0o7777,
    links: bytes.readUInt32LE(16),
    uid: bytes.readUInt32LE(20),
    gid: bytes.readUInt32LE(24),
    inode: Number(bytes.readBigUInt64LE(32)),
    size: Number(bytes.readBigUInt64LE(40)),
    diskBytes: Number(bytes.readBigUInt64LE(48)) * 512,
    accessed: timeAt(bytes, 64),
    changed: timeAt(bytes, 96),
    modified: timeAt(bytes, 112),
    deviceMajor: bytes.readUInt32LE(128),
    deviceMinor: bytes.readUInt32LE(132),
    mountId: (bytes.readUInt32LE(0) & 0x1000) === 0 ? 0 : Number(bytes.readBigUInt64LE(144)),
    device: `${bytes.readUInt32LE(136)}:${bytes.readUInt32LE(140)}`,
  }
}

const times = Buffer.alloc(32)

/** struct timespec[2] for utimensat(2): access, modification. The bytes are good until the next call. */
export function timespecs(accessed: FileTime, modified: FileTime): Buffer {
  times.writeBigInt64LE(BigInt(accessed.seconds), 0)
  times.writeBigInt64LE(BigInt(accessed.nanoseconds), 8)
  times.writeBigInt64LE(BigInt(modified.seconds), 16)
  times.writeBigInt64LE(BigInt(modified.nanoseconds), 24)
  return times
}
