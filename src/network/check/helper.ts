// A network helper for the place that is measured from, started as that of a container is; gone when it is disposed.
import { mkdirSync, rmSync } from 'node:fs'
import type { NetworkHelper } from '#network/driver.ts'
import { HelperFailure } from '#network/helper-failure.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { trySyscall } from '#sys/call.ts'
import { type Fd, openFile, openPipe } from '#sys/fd.ts'
import { O_DIRECTORY, O_PATH, O_RDWR, SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Servant } from '#sys/servant/servant.ts'

const DEADLINE_SECONDS = 10n
const POLLIN = 1
/** prctl(2): it goes with this process, however that ends */
const PR_SET_PDEATHSIG = 1

export class CheckHelper implements Disposable {
  readonly #pid: number
  readonly #folder: string
  readonly #lifeline: Fd

  /** Starts it for process `pid`, and waits until the network works. `folder` is made, for its socket. */
  constructor(helper: NetworkHelper, pid: number, ports: readonly PortMapping[], folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
    using folderFd = openFile(folder, O_PATH | O_DIRECTORY)
    using nullFd = openFile('/dev/null', O_RDWR)
    const [ready, theirReady] = openPipe()
    const [theirExit, lifeline] = openPipe()
    this.#lifeline = lifeline
    const servant = Servant.start()
    this.#pid = servant.pid
    try {
      servant.call('prctl', PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
      servant.exec(
        programCalls({
          executable: helper.path,
          argv: helper.argv({ pid, ports, descriptors: { ready: 3, exit: 4, folder: 5 } }),
          env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
          umask: 0,
          descriptors: new Map([
            ...[0, 1, 2].map(fd => [fd, nullFd.number] as const),
            [3, theirReady.number],
            [4, theirExit.number],
            [5, folderFd.number],
          ]),
        }),
      )
      theirReady.close()
      if (!hasByte(ready)) throw new HelperFailure('INTERNAL', `${helper.name} did not come up`)
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    } finally {
      servant.close()
      for (const fd of [ready, theirReady, theirExit]) fd.close()
    }
  }

  [Symbol.dispose](): void {
    this.#lifeline.close()
    killProcess(this.#pid, SIGKILL)
    waitProcess(this.#pid)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** False where the other end closes, or says nothing in time. */
function hasByte(fd: Fd): boolean {
  const timeout = new BigInt64Array([DEADLINE_SECONDS, 0n])
  if (trySyscall('ppoll', new Int32Array([fd.number, POLLIN]), 1, timeout, 0, 8) <= 0) return false
  return trySyscall('read', fd.number, new Uint8Array(1), 1) > 0
}
