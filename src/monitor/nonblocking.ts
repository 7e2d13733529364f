// Reading and writing without waiting. Runs in the monitor and in attached clients.
import { syscall, systemCallError, trySyscall } from '#sys/call.ts'
import { O_NONBLOCK } from '#sys/flags.ts'

const EAGAIN = -11
const EPIPE = -32
const EIO = -5
const ECONNRESET = -104
const F_GETFL = 3
const F_SETFL = 4
const MSG_DONTWAIT_NOSIGNAL = 0x4040

/** Makes every later read and write on this open file return at once. */
export function setNonBlocking(fd: number): void {
  syscall('fcntl', fd, F_SETFL, syscall('fcntl', fd, F_GETFL) | O_NONBLOCK)
}

/** Bytes that came; `again`: none now; `hangup`: a terminal nobody has open; `end`: no more will come. */
export type ReadResult = number | 'again' | 'hangup' | 'end'

/** read(2) on a non-blocking descriptor. */
export function tryRead(fd: number, buffer: Buffer): ReadResult {
  const got = trySyscall('read', fd, buffer, buffer.byteLength)
  if (got > 0) return got
  if (got === 0 || got === ECONNRESET) return 'end'
  if (got === EAGAIN) return 'again'
  if (got === EIO) return 'hangup'
  throw systemCallError('read', got)
}

/** write(2) on a non-blocking descriptor: bytes that found room, `gone` when nobody will read them. */
export function tryWrite(fd: number, bytes: Buffer): number | 'gone' {
  return written('write', trySyscall('write', fd, bytes, bytes.byteLength))
}

/** The same for a socket, whatever its mode. */
export function trySend(fd: number, bytes: Buffer): number | 'gone' {
  return written('sendto', trySyscall('sendto', fd, bytes, bytes.byteLength, MSG_DONTWAIT_NOSIGNAL, 0, 0))
}

function written(name: 'write' | 'sendto', result: number): number | 'gone' {
  if (result >= 0) return result
  if (result === EAGAIN) return 0
  if (result === EPIPE || result === ECONNRESET || result === EIO) return 'gone'
  throw systemCallError(name, result)
}
