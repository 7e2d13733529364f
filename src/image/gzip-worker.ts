// worker:gzip: blocks become gzip members on standard output, one for each, in order. Inside the user's namespace.
// A block comes on standard input after its length (4 bytes, little endian); where the request names a file, its offset there follows
// instead (8 bytes, a double). Each member follows its length.
import { readSync } from 'node:fs'
import { TspodError } from '#errors.ts'
import { expectLongLife, gzipMember } from '#host/bun.ts'
import { trySyscall } from '#sys/call.ts'
import { openFile, writeFully } from '#sys/fd.ts'
import { O_RDONLY } from '#sys/flags.ts'

const F_SETPIPE_SZ = 1031

export interface GzipRequest {
  level: number
  /** where blocks are read from */
  path?: string
}

/** Works until standard input ends. */
export function gzipWorker({ level, path }: GzipRequest): void {
  expectLongLife()
  // a block fits into a pipe: on a busy machine every turn of reader and writer is a wait for a processor
  for (const fd of [0, 1]) trySyscall('fcntl', fd, F_SETPIPE_SZ, 1 << 20)
  const file = path === undefined ? undefined : openFile(path, O_RDONLY)
  const head = Buffer.alloc(4)
  const place = Buffer.alloc(8)
  let room = Buffer.allocUnsafeSlow(0)
  while (fill(0, head)) {
    const bytes = head.readUInt32LE()
    if (room.byteLength < bytes) room = Buffer.allocUnsafeSlow(bytes)
    const block = room.subarray(0, bytes)
    if (file === undefined) {
      if (!fill(0, block)) return // the master is gone
    } else {
      if (!fill(0, place)) return
      if (!fill(file.number, block, place.readDoubleLE()))
        throw new TspodError('INVALID', `compressing "${path ?? ''}": the file is shorter than it was`)
    }
    const member = gzipMember(block, level)
    head.writeUInt32LE(member.byteLength)
    writeFully(1, head)
    writeFully(1, member)
  }
}

function fill(fd: number, buffer: Buffer, position?: number): boolean {
  for (let done = 0; done < buffer.byteLength; ) {
    const at = position === undefined ? null : position + done
    const got = readSync(fd, buffer, done, buffer.byteLength - done, at)
    if (got === 0) return false
    done += got
  }
  return true
}
