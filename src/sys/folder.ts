// The names in a folder: getdents64(2).

import type { ByteName } from './byte-name.ts'
import { syscall } from './call.ts'

export interface FolderEntry {
  name: ByteName
  isFolder: boolean
  /** The file system does not say what it is (DT_UNKNOWN): ask. */
  isUnknown: boolean
}

const DT_UNKNOWN = 0
const DT_DIR = 4

/** All entries of an open folder but `.` and `..`, in the file system's order. Reads from the descriptor's position. */
export function readFolder(fd: number): FolderEntry[] {
  const buffer = Buffer.allocUnsafe(32768)
  const entries: FolderEntry[] = []
  for (;;) {
    const length = syscall('getdents64', fd, buffer, buffer.byteLength)
    if (length === 0) return entries
    for (let at = 0; at < length; at += buffer.readUInt16LE(at + 16)) {
      const type = buffer[at + 18]
      const name = buffer.toString('latin1', at + 19, buffer.indexOf(0, at + 19))
      if (name !== '.' && name !== '..')
        entries.push({ name, isFolder: type === DT_DIR, isUnknown: type === DT_UNKNOWN })
    }
  }
}
