// worker:gzip: blocks on standard input become gzip members on standard output, one for each, in order. Inside the user's namespace.
// Each block and each member follows its length, 4 bytes, little endian.
import { readSync } from 'node:fs'
import { expectLongLife, gzipMember } from '#host/bun.ts'
import { trySyscall } from '#sys/call.ts'
import { writeFully } from '#sys/fd.ts'

const F_SETPIPE_SZ = 1031

/** Works until standard input ends. */
export function gzipWorker({ level }: { level: number }): void {
  expectLongLife()
  // a block fits into a pipe: on a busy machine every turn of reader and writer is a wait for a processor
  for (const fd of [0, 1]) trySyscall('fcntl', fd, F_SETPIPE_SZ, 1 << 20)
  const head = Buffer.alloc(4)
  while (fill(head)) {
    const block = Buffer.allocUnsafeSlow(head.readUInt32LE())
    if (!fill(block)) return // the master is gone
    const member = gzipMember(block, level)
    head.writeUInt32LE(member.byteLength)
    writeFully(1, Buffer.concat([head, member]))
  }
}

function fill(buffer: Buffer): boolean {
  for (let done = 0; done < buffer.byteLength; ) {
    const got = readSync(0, buffer, done, buffer.byteLength - done, null)
    if (got === 0) return false
    done += got
  }
  return true
}
