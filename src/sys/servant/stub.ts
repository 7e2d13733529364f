// The stub: a sealed memory file with a few hundred bytes of static ELF, executed before anything of an image is, so that what
// /proc/self/exe names in a container is neither tspod nor writable (CVE-2019-5736), and nothing of our memory is in the process.
import { syscall, systemCallError, trySyscall } from '#sys/call.ts'
import { Fd, writeFully } from '#sys/fd.ts'
import { AT_EMPTY_PATH } from '#sys/flags.ts'
import { code } from '#sys/koffi.ts'
import { arena } from './arena.ts'
import { type Call, call } from './batch.ts'
import { closeOnExecFrom } from './close-on-exec.ts'
import type { Seat } from './servant.ts'

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
/** Linux 6.3; older kernels refuse it and need no permission to execute. */
const MFD_EXEC = 0x10
const F_ADD_SEALS = 1033
const ALL_SEALS = 15
const F_SETFD = 2

/** The stub for one seat. It must be open before the first clone of the seat's line, so that the servant inherits it. */
export function openStub(seat: Seat): Fd {
  let number = trySyscall('memfd_create', 'tspod', MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC)
  if (number < 0) number = trySyscall('memfd_create', 'tspod', MFD_CLOEXEC | MFD_ALLOW_SEALING)
  if (number < 0) throw systemCallError('memfd_create', number, 'tspod')
  const fd = new Fd(number)
  const memory = arena()
  const image = Buffer.from(code.stub, 'hex')
  image.writeBigUInt64LE(memory.base, code.stubParameters)
  image.writeBigUInt64LE(BigInt(memory.byteLength), code.stubParameters + 8)
  image.writeBigUInt64LE(BigInt(memory.fd.number), code.stubParameters + 16)
  image.writeBigUInt64LE(memory.address(seat.mailbox), code.stubParameters + 24)
  writeFully(fd.number, image)
  syscall('fcntl', fd.number, F_ADD_SEALS, ALL_SEALS)
  return fd
}

/**
 * The calls with which the servant of `seat` becomes the stub; to be given to `Servant.become`. `title` is its argv[0]; `keep` are
 * descriptors that it and its children go on using.
 */
export function stubCalls(stub: Fd, seat: Seat, title: string, keep: readonly number[] = []): Call[] {
  return [
    // what this process was given by its caller is none of a servant's business
    ...closeOnExecFrom(3),
    ...[arena().fd.number, seat.theirsNumber, ...keep].map(fd => call('fcntl', fd, F_SETFD, 0)),
    call('execveat', stub.number, '', [title], [], AT_EMPTY_PATH),
  ]
}
