// What a health check says: standard output and error together, up to a limit.
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { tryRead } from './nonblocking.ts'

const READ_BYTES = 4096
/** What is beyond is read and forgotten. */
const MOST_BYTES = 65_536

export class CheckOutput implements Disposable {
  readonly #poller: Poller
  readonly #fd: Fd
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /** `fd`: not waiting; closed with this. */
  constructor(poller: Poller, fd: Fd) {
    this.#poller = poller
    this.#fd = fd
    poller.watch(fd.number, READABLE, () => void this.#read())
  }

  /** Somebody may still write. */
  get isOpen(): boolean {
    return this.#fd.isOpen
  }

  /** Another check begins. */
  reset(): void {
    this.#chunks.length = 0
    this.#bytes = 0
  }

  /** All of it, once the check has ended. */
  text(): string {
    for (let pieces = 0; pieces < MOST_BYTES / READ_BYTES && this.#read(); pieces++);
    return Buffer.concat(this.#chunks).toString('utf8').trimEnd()
  }

  /** The same for a check that has taken too long. */
  lateText(timeoutMs: number): string {
    const text = this.text()
    return `the check did not end within ${timeoutMs} ms${text === '' ? '' : `: ${text}`}`
  }

  [Symbol.dispose](): void {
    if (!this.#fd.isOpen) return
    this.#poller.unwatch(this.#fd.number)
    this.#fd.close()
  }

  #read(): boolean {
    if (!this.#fd.isOpen) return false
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    const got = tryRead(this.#fd.number, buffer)
    if (typeof got === 'number') {
      if (this.#bytes < MOST_BYTES) this.#chunks.push(buffer.subarray(0, got))
      this.#bytes += got
      return true
    }
    if (got !== 'again') this[Symbol.dispose]()
    return false
  }
}
