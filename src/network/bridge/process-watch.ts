// Hears of the end of a process, child or not, in a loop over Poller. Runs in the network service.
import type { Deadlines } from '#sys/deadlines.ts'
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { isAlive, openPidFd, type ProcessIdentity } from '#sys/process.ts'

/** How often a process is looked at where the kernel has no pidfd_open(2). */
const LOOK_MS = 1000

/** Calls `onEnd` once, when the process has ended, from the loop; not any more once it is disposed. */
export class ProcessWatch implements Disposable {
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #subject: string
  readonly #pidFd: Fd | undefined

  constructor(poller: Poller, deadlines: Deadlines, process: ProcessIdentity, onEnd: () => void) {
    this.#poller = poller
    this.#deadlines = deadlines
    this.#subject = `process ${process.pid} of ${process.startTime}`
    this.#pidFd = openPidFd(process.pid)
    const end = (): void => {
      this[Symbol.dispose]()
      onEnd()
    }
    if (this.#pidFd !== undefined) {
      poller.watch(this.#pidFd.number, READABLE, end)
      return
    }
    const look = (): void => {
      if (isAlive(process)) deadlines.set(this.#subject, LOOK_MS, look)
      else end()
    }
    deadlines.set(this.#subject, 0, look)
  }

  [Symbol.dispose](): void {
    this.#deadlines.clear(this.#subject)
    if (this.#pidFd?.isOpen !== true) return
    this.#poller.unwatch(this.#pidFd.number)
    this.#pidFd.close()
  }
}
