// Watches for the kernel's out-of-memory killer in a container's control group (cgroup-v2.rst, memory.events). The group goes with its
// last process, and what it counted with it: so it is looked at whenever the kernel says that something has changed. Runs in the monitor.
import { trySyscall } from '#sys/call.ts'
import { Fd } from '#sys/fd.ts'
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from '#sys/flags.ts'
import { type Poller, PRIORITY } from '#sys/poll.ts'

export class OomWatch {
  readonly #poller: Poller
  readonly #onKill: () => void
  readonly #events: Fd | undefined
  readonly #text = Buffer.alloc(512)
  #before: number
  #kills = 0

  /** `folder`: the group; absent: there is none. `onKill` is called for each look that finds more kills than the one before. */
  constructor(poller: Poller, folder: string | undefined, onKill: () => void) {
    this.#poller = poller
    this.#onKill = onKill
    this.#events = folder === undefined ? undefined : open(`${folder}/memory.events`)
    this.#before = this.#read() ?? 0
    if (this.#events !== undefined) poller.watch(this.#events.number, PRIORITY, () => this.look())
  }

  /** Whether it has killed since this watch began. */
  get hasKilled(): boolean {
    return this.#kills > 0
  }

  /** Looks now. */
  look(): void {
    if (this.#events?.isOpen !== true) return
    const count = this.#read()
    if (count === undefined) {
      this.close() // the group has gone: nothing more will be counted
      return
    }
    if (count <= this.#before) return
    this.#kills += count - this.#before
    this.#before = count
    this.#onKill()
  }

  close(): void {
    if (this.#events?.isOpen !== true) return
    this.#poller.unwatch(this.#events.number)
    this.#events.close()
  }

  /** `oom_kill` of the file; `undefined` where it cannot be read any more. */
  #read(): number | undefined {
    if (this.#events === undefined) return undefined
    const got = trySyscall('pread64', this.#events.number, this.#text, this.#text.byteLength, 0)
    if (got <= 0) return undefined
    return Number(/^oom_kill (\d+)$/m.exec(this.#text.toString('latin1', 0, got))?.[1] ?? 0)
  }
}

/** `undefined` where the group has no memory controller. */
function open(path: string): Fd | undefined {
  const fd = trySyscall('openat', AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
  return fd < 0 ? undefined : new Fd(fd)
}
