// What a network helper says on its standard error: why it ended at once. In memory and bounded, not a pipe: a helper lives on when
// nobody is left to read. Opened and read in the command line.
import { syscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'

const LIMIT_BYTES = 4096
const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const F_SEAL_GROW = 4

/** A memory file that takes 4 KB; writing more fails with EPERM, which a helper's own log does not mind. */
export function openHelperWords(): Fd {
  const fd = new Fd(syscall('memfd_create', 'tspod-helper', MFD_CLOEXEC | MFD_ALLOW_SEALING))
  syscall('ftruncate', fd.number, LIMIT_BYTES)
  syscall('fcntl', fd.number, F_ADD_SEALS, F_SEAL_GROW)
  return fd
}

/** The last line; `undefined` where nothing was said. */
export function readHelperWords(fd: Fd): string | undefined {
  const buffer = Buffer.alloc(LIMIT_BYTES)
  const got = syscall('pread64', fd.number, buffer, buffer.byteLength, 0)
  const text = buffer.subarray(0, got).toString('utf8').replaceAll('\0', '')
  return text
    .split('\n')
    .map(line => line.trim())
    .findLast(line => line !== '')
}
