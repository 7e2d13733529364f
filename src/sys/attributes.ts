// Extended attributes of open files and of names in open folders (xattr(7)).

import { type ByteName, nameArgument, nameText } from './byte-name.ts'
import { systemCallError, trySyscall } from './call.ts'

const ENODATA = -61
const EOPNOTSUPP = -95
const ERANGE = -34

/** A path for the calls that know no folder descriptor: /proc/self/fd/N/name; the open file itself for ''. */
function pathOf(folder: number, name: ByteName): string | Buffer {
  return nameArgument(name === '' ? `/proc/self/fd/${folder}` : `/proc/self/fd/${folder}/${name}`)
}

/** The names of all attributes; none where the file system has no attributes. */
export function attributeNames(folder: number, name: ByteName): ByteName[] {
  for (let size = 1024; ; size *= 8) {
    const buffer = Buffer.alloc(size)
    const length = trySyscall(name === '' ? 'listxattr' : 'llistxattr', pathOf(folder, name), buffer, size)
    if (length === ERANGE && size < 1 << 20) continue
    if (length === EOPNOTSUPP) return []
    if (length < 0) throw systemCallError('llistxattr', length, nameText(name))
    return buffer.toString('latin1', 0, length).split('\0').filter(Boolean)
  }
}

/** The value of one attribute; `undefined` where it is not set. */
export function readAttribute(folder: number, name: ByteName, attribute: ByteName): Buffer | undefined {
  for (let size = 256; ; size *= 16) {
    const buffer = Buffer.alloc(size)
    const length = trySyscall(
      name === '' ? 'getxattr' : 'lgetxattr',
      pathOf(folder, name),
      nameArgument(attribute),
      buffer,
      size,
    )
    if (length === ERANGE && size < 1 << 20) continue
    if (length === ENODATA || length === EOPNOTSUPP) return undefined
    if (length < 0) throw systemCallError('lgetxattr', length, nameText(name))
    return buffer.subarray(0, length)
  }
}

/** Sets an attribute; the kernel's negative errno where it refuses. */
export function trySetAttribute(folder: number, name: ByteName, attribute: ByteName, value: Uint8Array): number {
  const bytes = value.byteLength === 0 ? new Uint8Array(1) : value
  return trySyscall(
    name === '' ? 'setxattr' : 'lsetxattr',
    pathOf(folder, name),
    nameArgument(attribute),
    bytes,
    value.byteLength,
    0,
  )
}

/** Takes an attribute away, where it is set. */
export function removeAttribute(folder: number, name: ByteName, attribute: ByteName): void {
  const call = name === '' ? 'removexattr' : 'lremovexattr'
  const result = trySyscall(call, pathOf(folder, name), nameArgument(attribute))
  if (result < 0 && result !== ENODATA && result !== EOPNOTSUPP)
    throw systemCallError('lremovexattr', result, nameText(name))
}
