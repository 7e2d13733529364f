// Who goes on when a monitor is killed (kill -9, out of memory): a servant beside it that holds the container's streams and, once the
// monitor is gone without a word, becomes another monitor. Only for containers with a restart policy: that is the promise which would be
// broken otherwise (docs/decisions/restarts.md). Runs in the monitor; `resume` in the heir.
import { readExitRecord, writeExitRecord } from '#container/exit-record.ts'
import { withContainerLock } from '#container/lock.ts'
import { readState, writeState } from '#container/state.ts'
import { hasCode } from '#errors.ts'
import { frugalEnvironment } from '#host/bun.ts'
import { selfCommand } from '#host/executable.ts'
import { openFile, openSocketPair, writeFully } from '#sys/fd.ts'
import { O_RDONLY, O_RDWR, SOCK_STREAM } from '#sys/flags.ts'
import { isAlive, openPidFd, ownIdentity } from '#sys/process.ts'
import { programCalls } from '#sys/servant/program.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { type ChildMessage, encodeMessage } from './protocol.ts'

/** More than a socket surely takes at once would have to be read by somebody: a container with such labels has no heir. */
const MOST_BYTES = 65_536

/** The heir of this process; `undefined` where there can be none. `descriptors`: what a monitor is started with, but for 0 to 3. */
export function appointHeir(child: ChildMessage, descriptors: ReadonlyMap<number, number>): Servant | undefined {
  using pidFd = openPidFd(child.pid)
  const will = Buffer.concat([encodeMessage('child', child), encodeMessage('started', { isTold: true })])
  if (pidFd === undefined || will.byteLength > MOST_BYTES) return undefined
  const { path, argv } = selfCommand(`monitor:${child.id}`, 'heir')
  using executable = openFile(path, O_RDONLY)
  using nullFd = openFile('/dev/null', O_RDWR)
  const [theirs, ours] = openSocketPair(SOCK_STREAM)
  using control = theirs
  writeFully(ours.number, will)
  ours.close()
  const seat = new Seat()
  using stub = openStub(seat)
  const keep = new Set([executable.number, nullFd.number, control.number, ...descriptors.values()])
  const heir = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: monitor in waiting', [...keep]))
  heir.call('setsid')
  heir.bequeath(
    programCalls({
      executable: executable.number,
      argv,
      env: environment(),
      descriptors: new Map([...[0, 1, 2].map(fd => [fd, nullFd.number] as const), [3, control.number], ...descriptors]),
      folder: '/',
    }),
  )
  return heir
}

function environment(): string[] {
  const own = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith('BUN_') ? [] : [`${name}=${value}`],
  )
  return [...own, ...frugalEnvironment]
}

/** What an heir finds to do: the container still has to be watched, or started again; or somebody else has taken care of it. */
export async function resume({ folder, pid, startTime }: ChildMessage): Promise<'watch' | 'restart' | 'nothing'> {
  try {
    return await withContainerLock(folder, () => {
      const [state, exit] = [readState(folder), readExitRecord(folder)]
      if (state?.pid !== pid || state.startTime !== startTime) return 'nothing'
      if (exit?.pid !== pid || exit.startTime !== startTime) {
        writeState(folder, { ...state, monitor: ownIdentity() })
        return 'watch'
      }
      if (exit.restart === undefined || isAlive(exit.restart.process)) return 'nothing'
      writeExitRecord(folder, { ...exit, restart: { ...exit.restart, process: ownIdentity() } }, true)
      return 'restart'
    })
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return 'nothing' // it has been removed
    throw error
  }
}
