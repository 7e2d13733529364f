// Waits until a monitor that has just been started says that it is ready: streams and log are open. Runs in the command line.
import { TspodError } from '#errors.ts'
import { type Fd, readFd } from '#sys/fd.ts'
import { waitForInput } from '#sys/wait-readable.ts'
import { decodePayload, type FailureMessage, HEADER_BYTES, messageTypes } from './protocol.ts'

/** How long a monitor may take to start, in milliseconds: a machine under load starts programs slowly. */
const START_DEADLINE_MS = 30_000

/** Throws what the monitor refuses to watch the container for, such as a log that cannot be opened. */
export function awaitMonitor(control: Fd): void {
  const header = readExactly(control, HEADER_BYTES)
  if (header[0] === messageTypes.ready) return
  const { message, exitCode, hint } = decodePayload(readExactly(control, header.readUInt32LE(1))) as FailureMessage
  throw new TspodError('INVALID', message, { exitCode, hint })
}

function readExactly(control: Fd, count: number): Buffer {
  const bytes = Buffer.alloc(count)
  for (let done = 0; done < count; ) {
    const got = waitForInput(control, START_DEADLINE_MS) ? readFd(control.number, bytes.subarray(done)) : 0
    if (got === 0)
      throw new TspodError('INTERNAL', 'the monitor of the container ended, or did not start within 30 s', {
        hint: "the machine is out of memory or very busy; monitor.log in the container's folder may say more",
      })
    done += got
  }
  return bytes
}
