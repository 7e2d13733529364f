// Waits for one descriptor with a deadline.
import { trySyscall } from './call.ts'
import type { Fd } from './fd.ts'

const POLLIN = 1

/** True when something can be read, or the other end is closed; false after the deadline. Blocks this thread. */
export function waitForInput(fd: Fd, deadlineMs: number): boolean {
  const poll = new Int32Array([fd.number, POLLIN])
  const timeout = new BigInt64Array([BigInt(Math.floor(deadlineMs / 1000)), BigInt((deadlineMs % 1000) * 1e6)])
  return trySyscall('ppoll', poll, 1, timeout, 0, 8) !== 0
}

/** `data` when something can be read (and has been, one byte), `end` at end of file, `late` after the deadline. Blocks this thread. */
export function waitReadable(fd: Fd, deadlineMs: number): 'data' | 'end' | 'late' {
  if (!waitForInput(fd, deadlineMs)) return 'late'
  return trySyscall('read', fd.number, new Uint8Array(1), 1) > 0 ? 'data' : 'end'
}
