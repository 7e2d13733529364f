// Unix sockets on descriptors: paths of any length, descriptors passed along.
import { TspodError } from '#errors.ts'
import { syscall, systemCallError, trySyscall } from './call.ts'
import { Fd, openFile } from './fd.ts'
import { AF_UNIX, O_DIRECTORY, O_PATH, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from './flags.ts'
import { memoryAddress } from './koffi.ts'

/** Bytes of sun_path with its final NUL (unix(7)). */
const MAX_PATH = 108

/** struct sockaddr_un. */
function addressOf(path: string): Buffer {
  const bytes = Buffer.byteLength(path)
  if (bytes >= MAX_PATH)
    throw new TspodError('INVALID', `the socket path "${path}" has ${bytes} bytes, at most 107 fit`)
  const address = Buffer.alloc(2 + bytes + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  address.write(path, 2)
  return address
}

/** Calls `body` with a short name for `folder/name`: long paths are reached through /proc/self/fd. */
function withShortName<T>(folder: string, name: string, body: (path: string) => T): T {
  const path = `${folder}/${name}`
  if (Buffer.byteLength(path) < MAX_PATH) return body(path)
  using fd = openFile(folder, O_PATH | O_DIRECTORY)
  return body(`/proc/self/fd/${fd.number}/${name}`)
}

/** A listening unix stream socket at `folder/name`, non-blocking; what was there is replaced. */
export function listenUnix(folder: string, name: string, backlog = 64): Fd {
  const fd = new Fd(syscall('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  try {
    withShortName(folder, name, path => {
      trySyscall('unlinkat', -100, path, 0)
      const address = addressOf(path)
      syscall('bind', fd.number, address, address.byteLength)
    })
    syscall('listen', fd.number, backlog)
    return fd
  } catch (error) {
    fd.close()
    throw error
  }
}

/** Connects to the unix stream socket `folder/name`. Blocking. */
export function connectUnix(folder: string, name: string): Fd {
  const fd = new Fd(syscall('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
  try {
    withShortName(folder, name, path => {
      const address = addressOf(path)
      const result = trySyscall('connect', fd.number, address, address.byteLength)
      if (result < 0) throw systemCallError('connect', result, `${folder}/${name}`)
    })
    return fd
  } catch (error) {
    fd.close()
    throw error
  }
}

/** accept4(2), non-blocking and close-on-exec; `undefined` when nobody waits. */
export function acceptUnix(listener: number): Fd | undefined {
  const fd = trySyscall('accept4', listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK)
  return fd < 0 ? undefined : new Fd(fd)
}

const MSG_CMSG_CLOEXEC = 0x4000_0000
const SCM_RIGHTS = 1
const SOL_SOCKET = 1

/** Layout of a message that carries one descriptor: msghdr (56 bytes), iovec, control (24 bytes), data. */
export interface DescriptorMessage {
  header: Buffer
  vector: Buffer
  control: Buffer
  data: Buffer
}

/** The pieces of a message with room for one descriptor; pointers are left 0 (offsets 16, 32 of header, 0 of vector). */
export function descriptorMessage(fd: number, data: Buffer = Buffer.from([1])): DescriptorMessage {
  const header = Buffer.alloc(56)
  header.writeBigUInt64LE(1n, 24)
  header.writeBigUInt64LE(24n, 40)
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(BigInt(data.byteLength), 8)
  const control = Buffer.alloc(24)
  control.writeBigUInt64LE(20n, 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  control.writeInt32LE(fd, 16)
  return { header, vector, control, data }
}

function linked(message: DescriptorMessage): Buffer {
  message.vector.writeBigUInt64LE(memoryAddress(message.data), 0)
  message.header.writeBigUInt64LE(memoryAddress(message.vector), 16)
  message.header.writeBigUInt64LE(memoryAddress(message.control), 32)
  return message.header
}

/** Sends one descriptor over a unix socket, with a text where one is expected. */
export function sendDescriptor(socket: number, fd: number, text?: string): void {
  const message = descriptorMessage(fd, text === undefined ? undefined : Buffer.from(text))
  syscall('sendmsg', socket, linked(message), 0x4000)
}

/** Receives one descriptor from a unix socket; `undefined` at end of file or when the message had none. */
export function receiveDescriptor(socket: number): Fd | undefined {
  const message = descriptorMessage(-1)
  const got = syscall('recvmsg', socket, linked(message), MSG_CMSG_CLOEXEC)
  if (got <= 0) return undefined
  const fd = message.control.readInt32LE(16)
  return fd < 0 ? undefined : new Fd(fd)
}
