// Descriptors that are owned: closed on every path, close-on-exec unless handed over on purpose.
import { syscall, trySyscall } from './call.ts'
import { AF_UNIX, AT_FDCWD, O_CLOEXEC, SOCK_CLOEXEC } from './flags.ts'

/** An open descriptor. Whoever holds it disposes it; `take` hands the number over and forgets it. */
export class Fd implements Disposable {
  #number: number

  constructor(number: number) {
    this.#number = number
  }

  /** The descriptor's number. Throws after it was closed or taken: a mistake in our code. */
  get number(): number {
    if (this.#number < 0) throw new RangeError('this descriptor is closed')
    return this.#number
  }

  get isOpen(): boolean {
    return this.#number >= 0
  }

  /** Gives the number away: closing it is now the receiver's business. */
  take(): number {
    const number = this.number
    this.#number = -1
    return number
  }

  /** Closes it. A second call does nothing. */
  close(): void {
    if (this.#number >= 0) trySyscall('close', this.#number)
    this.#number = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** openat(2) relative to the current folder (or `folder`), close-on-exec. */
export function openFile(path: string, flags: number, mode = 0, folder = AT_FDCWD): Fd {
  return new Fd(syscall('openat', folder, path, flags | O_CLOEXEC, mode))
}

/** pipe2(2): the reading and the writing end, close-on-exec, with extra flags such as O_NONBLOCK. */
export function openPipe(flags = 0): [Fd, Fd] {
  const pair = new Int32Array(2)
  syscall('pipe2', pair, flags | O_CLOEXEC)
  return [new Fd(pair[0] ?? -1), new Fd(pair[1] ?? -1)]
}

/** socketpair(2) of unix sockets of the given type (SOCK_STREAM, SOCK_SEQPACKET), close-on-exec. */
export function openSocketPair(type: number): [Fd, Fd] {
  const pair = new Int32Array(2)
  syscall('socketpair', AF_UNIX, type | SOCK_CLOEXEC, 0, pair)
  return [new Fd(pair[0] ?? -1), new Fd(pair[1] ?? -1)]
}

/** A copy of a descriptor, close-on-exec, not below `atLeast` (fcntl(2), F_DUPFD_CLOEXEC). */
export function duplicate(fd: number, atLeast = 3): Fd {
  return new Fd(syscall('fcntl', fd, 1030, atLeast))
}

/** read(2) into a buffer: bytes read, 0 at the end. */
export function readFd(fd: number, buffer: NodeJS.ArrayBufferView, length = buffer.byteLength): number {
  return syscall('read', fd, buffer, length)
}

/** Writes all of it (write(2) in a loop). The descriptor must be blocking. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let done = 0
  while (done < bytes.byteLength)
    done += syscall('write', fd, done === 0 ? bytes : bytes.subarray(done), bytes.byteLength - done)
}
