// What one member of a tar archive says of a file. Names are byte names (sys/byte-name.ts). Pure.
import type { ByteName } from '#sys/byte-name.ts'
import type { FileTime } from '#sys/file-status.ts'

export type TarType = 'file' | 'link' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

/** A piece of a sparse file that has data; the rest reads as zeros. */
export interface SparseRegion {
  offset: number
  length: number
}

export interface TarEntry {
  type: TarType
  /** as written: may be absolute, hold `.` and `..`, end with a slash */
  path: ByteName
  /** of links; empty otherwise */
  linkPath: ByteName
  /** the twelve permission bits */
  mode: number
  uid: number
  gid: number
  userName: string
  groupName: string
  /** bytes of the file as it will be, holes included; 0 for everything but files */
  size: number
  modified: FileTime
  accessed?: FileTime
  deviceMajor: number
  deviceMinor: number
  /** full names, `user.x` */
  attributes?: Map<ByteName, Buffer>
  /** only of sparse files, ascending */
  sparse?: SparseRegion[]
}

/** Blocks of a tar archive (pax(1), ustar interchange format). */
export const BLOCK_BYTES = 512
