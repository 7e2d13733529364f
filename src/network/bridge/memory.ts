// The service's state in a memory file that its watcher holds too: it outlives the service, needs no disk, and is gone with both.
// Two places for it, written in turn, and a header that says which counts: a service killed while it writes leaves the older one.
import { syscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'

const HEADER_BYTES = 24
const FIRST_PLACE = 4096

/** A new memory file without any state. */
export function openMemory(): Fd {
  return new Fd(syscall('memfd_create', 'tspod-network', 1))
}

/** Keeps a JSON value in a memory file. */
export class StateMemory<T> {
  readonly #fd: number
  #turn = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** What was written last; `undefined` where nothing was. */
  read(): T | undefined {
    const header = Buffer.alloc(HEADER_BYTES)
    if (syscall('pread64', this.#fd, header, HEADER_BYTES, 0) < HEADER_BYTES) return undefined
    this.#turn = Number(header.readBigUInt64LE(0))
    const [place, length] = [Number(header.readBigUInt64LE(8)), Number(header.readBigUInt64LE(16))]
    const text = Buffer.alloc(length)
    for (let done = 0; done < length; ) {
      const got = syscall('pread64', this.#fd, text.subarray(done), length - done, place + done)
      if (got === 0) return undefined
      done += got
    }
    return JSON.parse(text.toString('utf8')) as T
  }

  write(value: T): void {
    const text = Buffer.from(JSON.stringify(value))
    this.#turn++
    const places = [FIRST_PLACE, FIRST_PLACE + (1 << 30)]
    const place = places[this.#turn % 2] ?? FIRST_PLACE
    for (let done = 0; done < text.byteLength; )
      done += syscall('pwrite64', this.#fd, text.subarray(done), text.byteLength - done, place + done)
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeBigUInt64LE(BigInt(this.#turn), 0)
    header.writeBigUInt64LE(BigInt(place), 8)
    header.writeBigUInt64LE(BigInt(text.byteLength), 16)
    syscall('pwrite64', this.#fd, header, HEADER_BYTES, 0)
  }
}
