// Tells a service manager something, and stays until it has heard it: it does not know processes that have ended (sd_notify_barrier(3)).
import { sendDatagram } from '#sys/datagram.ts'
import { openPipe } from '#sys/fd.ts'
import { waitReadable } from '#sys/wait-readable.ts'

/** A manager that does not close what it was sent is not waited for any longer. */
const BARRIER_MS = 5000

/** Sends `NAME=value` lines to the manager's socket. Throws where nobody listens. */
export function notifyAndWait(manager: string, text: string): void {
  sendDatagram(manager, text)
  const [reader, writer] = openPipe()
  using _reader = reader
  sendDatagram(manager, 'BARRIER=1', writer.number)
  writer.close()
  waitReadable(reader, BARRIER_MS)
}
