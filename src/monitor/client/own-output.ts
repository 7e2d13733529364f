// This process's own standard output or error, written to without ever waiting for its reader. Runs in attached command lines.
import { fstatSync } from 'node:fs'
import { trySend, tryWrite } from '#monitor/nonblocking.ts'
import { trySyscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'
import { AT_FDCWD, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_WRONLY } from '#sys/flags.ts'
import { type Poller, WRITABLE } from '#sys/poll.ts'

/** Beyond this nothing more is fetched for it. */
const FULL_BYTES = 65536
/** What a pipe that is ready to be written to takes for certain (pipe(7), PIPE_BUF). */
const PIPE_BYTES = 4096

export interface OwnOutputEvents {
  /** Nobody reads it any more. */
  onGone(): void
  /** It has become empty. */
  onRoom(): void
}

export class OwnOutput {
  readonly #poller: Poller
  readonly #events: OwnOutputEvents
  readonly #fd: number
  readonly #reopened: Fd | undefined
  readonly #write: (bytes: Buffer) => number | 'gone'
  #queue: Buffer[] = []
  #queued = 0
  #isGone = false

  constructor(poller: Poller, fd: number, events: OwnOutputEvents) {
    this.#poller = poller
    this.#events = events
    const kind = kindOf(fd)
    // the descriptor's own mode is shared with the shell that gave it to us: a pipe or terminal is opened again to have one of ours
    this.#reopened = kind === 'stream' ? reopen(fd) : undefined
    this.#fd = this.#reopened?.number ?? fd
    this.#write =
      kind === 'socket'
        ? bytes => trySend(this.#fd, bytes)
        : kind === 'stream' && this.#reopened === undefined
          ? bytes => tryWrite(this.#fd, bytes.subarray(0, PIPE_BYTES))
          : bytes => tryWrite(this.#fd, bytes)
    this.#mustWait = kind === 'stream' && this.#reopened === undefined
  }

  /** A descriptor that would block is written to only when it says that it is ready. */
  readonly #mustWait: boolean

  get isFull(): boolean {
    return this.#queued >= FULL_BYTES
  }

  get isEmpty(): boolean {
    return this.#queued === 0
  }

  /** Writes bytes now, or keeps a copy of what finds no room. */
  write(bytes: Buffer): void {
    if (this.#isGone) return
    let done = 0
    while (this.#queued === 0 && !this.#mustWait && done < bytes.byteLength) {
      const sent = this.#write(done === 0 ? bytes : bytes.subarray(done))
      if (sent === 'gone') {
        this.#lose()
        return
      }
      if (sent === 0) break
      done += sent
    }
    if (done === bytes.byteLength) return
    this.#queue.push(Buffer.from(bytes.subarray(done)))
    this.#queued += bytes.byteLength - done
    this.#poller.watch(this.#fd, WRITABLE, () => this.#flush())
  }

  close(): void {
    this.#poller.unwatch(this.#fd)
    this.#reopened?.close()
  }

  #flush(): void {
    const first = this.#queue[0]
    if (first === undefined) return
    const sent = this.#write(first)
    if (sent === 'gone') {
      this.#lose()
      return
    }
    this.#queued -= sent
    if (sent < first.byteLength) this.#queue[0] = first.subarray(sent)
    else this.#queue.shift()
    if (this.#queued > 0) return
    this.#poller.unwatch(this.#fd)
    this.#events.onRoom()
  }

  #lose(): void {
    this.#isGone = true
    this.#queue = []
    this.#queued = 0
    this.#poller.unwatch(this.#fd)
    this.#events.onGone()
    this.#events.onRoom()
  }
}

/** `stream`: a pipe or terminal, which can be full; `file`: never waits for a reader. */
function kindOf(fd: number): 'stream' | 'socket' | 'file' {
  try {
    const facts = fstatSync(fd)
    if (facts.isSocket()) return 'socket'
    return facts.isFIFO() || facts.isCharacterDevice() ? 'stream' : 'file'
  } catch {
    return 'file' // it is closed: the first write says so
  }
}

/** The same pipe or terminal with a mode of its own; `undefined` where it may not be opened (somebody else's terminal). */
function reopen(fd: number): Fd | undefined {
  const flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
  const number = trySyscall('openat', AT_FDCWD, `/proc/self/fd/${fd}`, flags, 0)
  return number < 0 ? undefined : new Fd(number)
}
