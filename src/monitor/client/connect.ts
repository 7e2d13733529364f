// Reaching the monitor of a running container. Runs in command lines.
import { errnoOf, TspodError } from '#errors.ts'
import { attachSocketName, runFolder } from '#monitor/run-folder.ts'
import type { Fd } from '#sys/fd.ts'
import { connectUnix } from '#sys/socket.ts'

/** A connection to a monitor; whoever has it closes it. */
export type AttachConnection = Fd

/** A monitor whose socket has vanished with the runtime folder makes it again within this. */
const RECOVERY_MS = 2000

/** Connects to the monitor of container `id`. Throws UNSUPPORTED where it has none any more. */
export async function connectToMonitor(runRoot: string, id: string): Promise<AttachConnection> {
  const end = performance.now() + RECOVERY_MS
  for (;;) {
    try {
      return connectUnix(runFolder(runRoot, id), attachSocketName)
    } catch (error) {
      const errno = errnoOf(error) ?? ''
      if (!['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes(errno)) throw error
      if (performance.now() > end)
        throw new TspodError('UNSUPPORTED', `attaching to container ${id}: its monitor does not answer`, {
          cause: error,
          hint: 'if it was killed, the container runs on without it; tspod restart gives it a new one',
        })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}
