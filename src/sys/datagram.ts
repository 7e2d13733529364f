// Datagrams of unix sockets, as service managers take them (sd_notify(3)).
import { TspodError } from '#errors.ts'
import { syscall, systemCallError, trySyscall } from './call.ts'
import { Fd } from './fd.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK } from './flags.ts'
import { sendDescriptor } from './socket.ts'

const SOCK_DGRAM = 2
const EAGAIN = -11
/** Bytes of sun_path (unix(7)). */
const MAX_PATH = 108

/** struct sockaddr_un; `@name` is an abstract one. */
function addressOf(path: string): Buffer {
  const name = Buffer.from(path)
  if (name.byteLength >= MAX_PATH)
    throw new TspodError('INVALID', `the socket path "${path}" has ${name.byteLength} bytes, at most 107 fit`)
  const isAbstract = path.startsWith('@')
  const address = Buffer.alloc(2 + name.byteLength + (isAbstract ? 0 : 1))
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, 2)
  if (isAbstract) address[2] = 0
  return address
}

/** A socket at `path` that takes datagrams, non-blocking; what was there is replaced. */
export function openDatagramSocket(path: string): Fd {
  const fd = new Fd(syscall('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  try {
    trySyscall('unlinkat', -100, path, 0)
    const address = addressOf(path)
    const result = trySyscall('bind', fd.number, address, address.byteLength)
    if (result < 0) throw systemCallError('bind', result, path)
    return fd
  } catch (error) {
    fd.close()
    throw error
  }
}

/** Sends one datagram to whoever listens at `path`, with a descriptor if there is one. Throws where nobody listens. */
export function sendDatagram(path: string, text: string, descriptor?: number): void {
  const address = addressOf(path)
  using fd = new Fd(syscall('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
  const connected = trySyscall('connect', fd.number, address, address.byteLength)
  if (connected < 0) throw systemCallError('connect', connected, path)
  if (descriptor === undefined) {
    const bytes = Buffer.from(text)
    syscall('sendto', fd.number, bytes, bytes.byteLength, 0, 0, 0)
  } else sendDescriptor(fd.number, descriptor, text)
}

/** The next datagram, cut at 64 kB; `undefined` where none waits. */
export function receiveDatagram(fd: number): string | undefined {
  const bytes = Buffer.alloc(65536)
  const got = trySyscall('recvfrom', fd, bytes, bytes.byteLength, 0, 0, 0)
  if (got === EAGAIN) return undefined
  if (got < 0) throw systemCallError('recvfrom', got)
  return bytes.toString('utf8', 0, got)
}
