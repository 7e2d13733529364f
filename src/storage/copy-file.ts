// Copying one file's bytes as cheaply as the file system allows: shared blocks, then a copy inside the kernel, then by hand; holes stay.
import { systemCallError, trySyscall } from '#sys/call.ts'
import { readFd, writeFully } from '#sys/fd.ts'

const FICLONE = 0x4004_9409
const SEEK_SET = 0
const SEEK_DATA = 3
const SEEK_HOLE = 4
const ENXIO = -6

/** Copies `size` bytes between open files; `to` is empty. Throws a SystemCallError. */
export function copyFileBytes(from: number, to: number, size: number): void {
  if (size === 0 || trySyscall('ioctl', to, FICLONE, from) === 0) return
  let at = 0
  while (at < size) {
    const data = trySyscall('lseek', from, at, SEEK_DATA)
    if (data === ENXIO) break // only a hole is left
    const start = data < 0 ? at : data
    const hole = data < 0 ? size : trySyscall('lseek', from, start, SEEK_HOLE)
    const end = hole < 0 ? size : Math.min(hole, size)
    trySyscall('lseek', from, start, SEEK_SET)
    trySyscall('lseek', to, start, SEEK_SET)
    copyRange(from, to, end - start)
    at = end
  }
  const result = trySyscall('ftruncate', to, size)
  if (result < 0) throw systemCallError('ftruncate', result)
}

function copyRange(from: number, to: number, length: number): void {
  let left = length
  while (left > 0) {
    const result = trySyscall('copy_file_range', from, 0, to, 0, left, 0)
    if (result === 0) return // the file has become shorter
    if (result === -28 || result === -122) throw systemCallError('copy_file_range', result) // no room: nothing else will do
    if (result < 0) return copyByHand(from, to, left)
    left -= result
  }
}

function copyByHand(from: number, to: number, length: number): void {
  const buffer = Buffer.allocUnsafe(Math.min(length, 1 << 20))
  for (let left = length; left > 0; ) {
    const count = readFd(from, buffer, Math.min(left, buffer.byteLength))
    if (count === 0) return
    writeFully(to, buffer.subarray(0, count))
    left -= count
  }
}
