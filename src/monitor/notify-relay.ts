// What the container tells its service manager, told by the monitor: the manager hears only processes of the service's own control
// group, and knows no process ids from inside (sd_notify(3)). Runs in the monitor, or in the attached command line.
import { log } from '#log.ts'
import { receiveDatagram, sendDatagram } from '#sys/datagram.ts'
import type { Fd } from '#sys/fd.ts'
import { type Poller, READABLE } from '#sys/poll.ts'

/** Assignments that speak of process ids or descriptors from inside, or that only the monitor may decide. */
const notRelayed = /^(?:MAINPID|MAINPIDFDID|MAINPIDFD|FDSTORE|FDSTOREREMOVE|FDNAME|FDPOLL|BARRIER|BUSERROR)=/

export class NotifyRelay {
  readonly #poller: Poller
  readonly #socket: Fd
  readonly #manager: string

  /** `socket` takes what the container says; `manager` is the path or abstract name of the manager's. */
  constructor(poller: Poller, socket: Fd, manager: string) {
    this.#poller = poller
    this.#socket = socket
    this.#manager = manager
    poller.watch(socket.number, READABLE, () => this.#relay())
  }

  close(): void {
    this.#relay()
    this.#poller.unwatch(this.#socket.number)
    this.#socket.close()
  }

  #relay(): void {
    for (let message = receiveDatagram(this.#socket.number); message !== undefined; ) {
      const text = relayedText(message)
      if (text !== '') tell(this.#manager, text)
      message = receiveDatagram(this.#socket.number)
    }
  }
}

/** The lines that mean the same outside. */
export function relayedText(message: string): string {
  return message
    .split('\n')
    .filter(line => line !== '' && !notRelayed.test(line))
    .join('\n')
}

/** Tells the manager; one that is gone needs to know nothing. */
export function tell(manager: string, text: string): void {
  try {
    sendDatagram(manager, text)
  } catch (error) {
    log.debug(`telling the service manager: ${String(error)}`)
  }
}
