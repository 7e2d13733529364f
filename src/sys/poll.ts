// Waiting on descriptors (epoll(7)) without an event loop of JavaScript: the monitor and the attached terminal are plain loops over this.
import { syscall, systemCallError, trySyscall } from './call.ts'
import { Fd } from './fd.ts'

const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3
const EPERM = -1

export const READABLE = 1
/** Something out of the ordinary, such as a change of a file of the kernel's. */
export const PRIORITY = 2
export const WRITABLE = 4
export const HANGUP = 16

/** x86-64 packs the structure to 12 bytes, arm64 does not. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16
const DATA_OFFSET = EVENT_BYTES - 8
const MAX_EVENTS = 64

/** Something that is called when its descriptor is ready; `events` is a set of READABLE, WRITABLE, HANGUP, and 8 for an error. */
export type ReadyHandler = (events: number) => void

export class Poller implements Disposable {
  readonly #epoll = new Fd(syscall('epoll_create1', 0o2000000))
  readonly #handlers = new Map<number, ReadyHandler>()
  /** Regular files cannot be polled: they are always ready. */
  readonly #alwaysReady = new Map<number, number>()
  readonly #events = Buffer.alloc(EVENT_BYTES * MAX_EVENTS)
  readonly #event = Buffer.alloc(EVENT_BYTES)

  /** Calls `handler` whenever one of `events` holds for the descriptor (level-triggered), or it has an error or hang-up. */
  watch(fd: number, events: number, handler: ReadyHandler): void {
    const known = this.#handlers.has(fd)
    this.#handlers.set(fd, handler)
    if (this.#alwaysReady.has(fd)) {
      this.#alwaysReady.set(fd, events)
      return
    }
    this.#event.writeUInt32LE(events, 0)
    this.#event.writeBigUInt64LE(BigInt(fd), DATA_OFFSET)
    const result = trySyscall('epoll_ctl', this.#epoll.number, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, this.#event)
    if (result === EPERM) this.#alwaysReady.set(fd, events)
    else if (result < 0) {
      this.#handlers.delete(fd)
      syscall('epoll_ctl', this.#epoll.number, EPOLL_CTL_ADD, fd, this.#event)
    }
  }

  /** Forgets a descriptor; to be called before it is closed. */
  unwatch(fd: number): void {
    if (!this.#handlers.delete(fd)) return
    if (!this.#alwaysReady.delete(fd)) trySyscall('epoll_ctl', this.#epoll.number, EPOLL_CTL_DEL, fd, this.#event)
  }

  /** How many descriptors are watched. */
  get size(): number {
    return this.#handlers.size
  }

  /** Waits for events, at most `timeoutMs` (-1: for ever), and calls their handlers. False when the time passed without any. */
  wait(timeoutMs = -1): boolean {
    const ready = [...this.#alwaysReady].filter(([, events]) => events !== 0)
    const count = trySyscall(
      'epoll_pwait',
      this.#epoll.number,
      this.#events,
      MAX_EVENTS,
      ready.length > 0 ? 0 : Math.ceil(timeoutMs),
      0,
      8,
    )
    if (count < 0) throw systemCallError('epoll_pwait', count)
    for (const [fd, events] of ready) this.#handlers.get(fd)?.(events)
    for (let index = 0; index < count; index++) {
      const events = this.#events.readUInt32LE(index * EVENT_BYTES)
      const fd = Number(this.#events.readBigUInt64LE(index * EVENT_BYTES + DATA_OFFSET))
      this.#handlers.get(fd)?.(events) // an earlier handler may have unwatched it
    }
    return ready.length > 0 || count > 0
  }

  [Symbol.dispose](): void {
    this.#epoll.close()
  }
}
