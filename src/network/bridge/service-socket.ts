// The socket that commands come through. The runtime folder vanishes at logout while containers live on: the socket is made again as soon
// as there is a place for it. Runs in the network service; what it listens with, its watcher holds too.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { O_CLOEXEC, O_NONBLOCK } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { listenUnix } from '#sys/socket.ts'
import { SERVICE_SOCKET } from './protocol.ts'

const IN_DELETE = 0x200
const IN_DELETE_SELF = 0x400
const IN_MOVE_SELF = 0x800
/** Whoever empties the folder should find it empty when he is done; whoever starts a container then waits longer than this. */
const PAUSE_MS = 250

export interface ServiceSocketEvents {
  onConnection(listener: number): void
  /** The listener is another socket, under its old number. */
  onReopened(): void
}

export class ServiceSocket {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #folder: string
  readonly #events: ServiceSocketEvents
  readonly #listener: Fd
  #inotify: Fd | undefined

  /** `listener` listens already, at its place in the folder. It keeps its number for ever. */
  constructor(poller: Poller, deadlines: Deadlines, folder: string, listener: Fd, events: ServiceSocketEvents) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#folder = folder
    this.#listener = listener
    this.#events = events
    this.#listen()
    this.#watchFolder()
  }

  /** For good. */
  close(): void {
    this.#forgetFolder()
    this.#deadlines.clear('service socket')
    this.#poller.unwatch(this.#listener.number)
    this.#listener.close()
  }

  #listen(): void {
    const { number } = this.#listener
    this.#poller.watch(number, READABLE, () => this.#events.onConnection(number))
  }

  /** Looks whether it is still there; inotify(7) tells when to. */
  #look(): void {
    if (statSync(join(this.#folder, SERVICE_SOCKET), { throwIfNoEntry: false }) === undefined)
      this.#deadlines.set('service socket', PAUSE_MS, () => this.#openAgain())
  }

  #openAgain(): void {
    try {
      mkdirSync(this.#folder, { mode: 0o700 })
    } catch {
      // it is there, or its own folder is not yet
    }
    try {
      using fresh = listenUnix(this.#folder, SERVICE_SOCKET)
      this.#poller.unwatch(this.#listener.number)
      trySyscall('dup3', fresh.number, this.#listener.number, O_CLOEXEC)
      this.#listen()
      this.#watchFolder()
      this.#events.onReopened()
    } catch {
      this.#deadlines.set('service socket', PAUSE_MS, () => this.#openAgain())
    }
  }

  #watchFolder(): void {
    this.#forgetFolder()
    const number = trySyscall('inotify_init1', O_CLOEXEC | O_NONBLOCK)
    if (number < 0) return
    const inotify = new Fd(number)
    this.#inotify = inotify
    if (trySyscall('inotify_add_watch', number, this.#folder, IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
      this.#deadlines.set('service socket', PAUSE_MS, () => this.#openAgain())
      return
    }
    const events = Buffer.alloc(4096)
    this.#poller.watch(number, READABLE, () => {
      while (trySyscall('read', number, events, events.byteLength) > 0);
      this.#look()
    })
  }

  #forgetFolder(): void {
    if (this.#inotify === undefined) return
    this.#poller.unwatch(this.#inotify.number)
    this.#inotify.close()
    this.#inotify = undefined
  }
}
