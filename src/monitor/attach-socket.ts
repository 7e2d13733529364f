// The socket that `tspod attach` connects to, below the runtime folder. That folder vanishes at logout while the container lives on;
// the socket is made again as soon as there is a place for it. Runs in the monitor.
import { mkdirSync, rmSync } from 'node:fs'
import { trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { O_CLOEXEC, O_NONBLOCK } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { acceptUnix, listenUnix } from '#sys/socket.ts'
import { attachSocketName } from './run-folder.ts'

const IN_DELETE = 0x200
const IN_DELETE_SELF = 0x400
const IN_MOVE_SELF = 0x800
/** Whoever empties the folder should find it empty when he is done. */
const PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000

export class AttachSocket {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #folder: string
  readonly #onConnection: (socket: Fd) => void
  #listener: Fd | undefined
  #watcher: Fd | undefined

  constructor(poller: Poller, deadlines: Deadlines, folder: string, onConnection: (socket: Fd) => void) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#folder = folder
    this.#onConnection = onConnection
    this.#open(PAUSE_MS)
  }

  /** Stops listening and removes the folder of sockets. */
  close(): void {
    this.#shut()
    this.#deadlines.clear('attach socket')
    try {
      rmSync(this.#folder, { recursive: true, force: true })
    } catch {
      // its file system is read-only or gone: nothing of ours can be removed from there
    }
  }

  /** Opens it, now or, where that is not possible, later. */
  #open(pauseMs: number): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const listener = listenUnix(this.#folder, attachSocketName)
      this.#listener = listener
      this.#poller.watch(listener.number, READABLE, () => this.#accept(listener.number))
      this.#watchFolder()
    } catch {
      this.#retry(pauseMs)
    }
  }

  #retry(pauseMs: number): void {
    this.#deadlines.set('attach socket', pauseMs, () => this.#open(Math.min(2 * pauseMs, LONGEST_PAUSE_MS)))
  }

  #accept(listener: number): void {
    const socket = acceptUnix(listener)
    if (socket !== undefined) this.#onConnection(socket)
  }

  /** inotify(7); where there is none the socket is not made again. */
  #watchFolder(): void {
    const number = trySyscall('inotify_init1', O_CLOEXEC | O_NONBLOCK)
    if (number < 0) return
    const watcher = new Fd(number)
    this.#watcher = watcher
    if (trySyscall('inotify_add_watch', number, this.#folder, IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
      this.#shut()
      this.#retry(PAUSE_MS)
      return
    }
    this.#poller.watch(number, READABLE, () => {
      this.#shut()
      this.#retry(PAUSE_MS)
    })
  }

  #shut(): void {
    for (const fd of [this.#watcher, this.#listener]) {
      if (fd?.isOpen !== true) continue
      this.#poller.unwatch(fd.number)
      fd.close()
    }
    this.#watcher = undefined
    this.#listener = undefined
  }
}
