// What comes out of a pipe, while the event loop goes on. Host namespaces.
import { syscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { O_NONBLOCK } from '#sys/flags.ts'

const F_SETFL = 4

/**
 * The bytes of a pipe, piece by piece, to its end. Nothing waits for them but the kernel's list of events: `fs.read` would keep one of a
 * few threads, as many as there are processors, and two pipes that are silent would keep everybody else waiting. The descriptor stays the
 * caller's, who reads to the end, or calls `return` before closing it. Makes the reading end non-blocking.
 */
export function pipeChunks({ number }: Fd): AsyncIterableIterator<Uint8Array> {
  syscall('fcntl', number, F_SETFL, O_NONBLOCK)
  return Bun.file(number).stream()[Symbol.asyncIterator]()
}
