// The monitor's role, `tspod monitor:<id> [heir]`: reads from descriptor 3 what to watch, watches it, records how it ended.
// Runs in the host's namespaces, in a session of its own; standard streams are /dev/null.
import { appendFileSync } from 'node:fs'
import { readExitRecord } from '#container/exit-record.ts'
import { parseLogConfig } from '#container/log-config.ts'
import { TspodError } from '#errors.ts'
import { nowTimestamp } from '#sys/clock.ts'
import { Fd, writeFully } from '#sys/fd.ts'
import { SIGHUP, SIGINT, SIGTERM } from '#sys/flags.ts'
import { Poller, READABLE } from '#sys/poll.ts'
import { type ExitStatus, openPidFd } from '#sys/process.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { openCompanions } from './companions.ts'
import { journalEvents } from './journal.ts'
import type { LogDriver } from './log/driver.ts'
import { openLog } from './log/open.ts'
import { type Ending, Monitor, type MonitorPlace, UNKNOWN_STATUS } from './monitor.ts'
import { tryRead } from './nonblocking.ts'
import { killOwnChildren, OwnChildren } from './own-children.ts'
import { type ChildMessage, decodePayload, encodeMessage, HEADER_BYTES, messageTypes } from './protocol.ts'
import { releasePorts } from './release-ports.ts'

/** Descriptors that the launcher leaves. */
const CONTROL = 3
const STDOUT_PIPE = 4
const STDERR_PIPE = 5
const STDIN_PIPE = 6
/** An heir gets the terminal's master itself. */
const TERMINAL_SOCKET = 7
const LIFELINE = 8
const NOTIFY_SOCKET = 9

/** The whole life of a monitor. `isHeir`: the one before it was killed. */
export async function monitorMain(isHeir: boolean): Promise<void> {
  const control = new Fd(CONTROL)
  const child = readChild(control.number)
  if (child === undefined) {
    killOwnChildren() // the command line has gone before there was anything to watch
    process.exit(0)
  }
  process.chdir('/')
  delete process.env.BUN_JSC_useJIT // for this process only, not for what it starts
  try {
    process.exitCode = await watch(child, control, isHeir)
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    appendFileSync(`${child.folder}/monitor.log`, `${nowTimestamp()} ${text}\n`, { mode: 0o600 })
    process.exit(1)
  }
  process.exit()
}

/** Waits for the first message; `undefined` at end of file. */
function readChild(control: number): ChildMessage | undefined {
  const header = readExactly(control, HEADER_BYTES)
  const payload = header === undefined ? undefined : readExactly(control, header.readUInt32LE(1))
  if (payload === undefined || header?.[0] !== messageTypes.child) return undefined
  return decodePayload(payload) as ChildMessage
}

function readExactly(fd: number, count: number): Buffer | undefined {
  const bytes = Buffer.alloc(count)
  for (let done = 0; done < count; ) {
    const got = tryRead(fd, bytes.subarray(done))
    if (typeof got === 'string') return undefined
    done += got
  }
  return bytes
}

/** The exit status that this process is to end with. */
async function watch(child: ChildMessage, control: Fd, isHeir: boolean): Promise<number> {
  using place = new OwnPlace(child, isHeir)
  const task = isHeir ? await (await import('./heir.ts')).resume(child) : isToRestart(child) ? 'restart' : 'watch'
  if (task === 'restart') {
    await place.appointHeir()
    await restart(child, place)
  }
  if (task !== 'watch') return 0
  let log: LogDriver
  try {
    log = await openLog(parseLogConfig(child.logDriver, child.logOpts, child.folder))
  } catch (error) {
    const message = `opening the log of container "${child.name}": ${error instanceof Error ? error.message : String(error)}`
    const hint = error instanceof TspodError ? error.hint : undefined
    writeFully(control.number, encodeMessage('refused', { message, exitCode: 125, hint }))
    killOwnChildren()
    return 0
  }
  Object.assign(place, await openCompanions(child))
  const monitor = new Monitor(child, log, control, journalEvents(child), place)
  while (!monitor.isStarted && !monitor.hasEnded) monitor.turn()
  if (!monitor.hasEnded) await place.appointHeir(monitor.terminal)
  while (!monitor.hasEnded) monitor.turn()
  const ending = monitor.finish()
  await releasePorts(child)
  const status = process.env['NOTIFY_SOCKET'] === undefined ? 0 : await statusOf(child, ending)
  const { recordEnding, keepRecording } = await import('./ending.ts')
  const recorded = await recordEnding(child, ending, message => monitor.announce(message))
  monitor.dismissClients()
  if (!recorded.isRecorded) await keepRecording(child, ending)
  if (recorded.restart !== undefined) await restart(child, place, monitor)
  monitor.bidFarewell()
  return status
}

/** A service manager restarts a service that fails. */
async function statusOf(child: ChildMessage, ending: Ending): Promise<number> {
  const { serviceStatus } = await import('./restart-plan.ts')
  return serviceStatus(child, ending)
}

/** The command line that watched the container has recorded its end, and left what follows to this process. */
function isToRestart({ folder, pid, startTime }: ChildMessage): boolean {
  const exit = readExitRecord(folder)
  return exit?.pid === pid && exit.startTime === startTime && exit.restart?.process.pid === process.pid
}

async function restart(child: ChildMessage, place: OwnPlace, monitor?: Monitor): Promise<void> {
  const { restartWhenDue } = await import('./restarting.ts')
  if (monitor === undefined) place.watchChildren()
  await restartWhenDue(child, {
    turn: mostMs => (monitor === undefined ? void place.poller.wait(mostMs) : monitor.turn(mostMs)),
    endOf: pid => place.endOf(pid),
    isAskedToEnd: () => place.isAskedToEnd,
  })
}

/** This process: its launcher left the descriptors, and the container's process is its child, unless another monitor's it was. */
class OwnPlace implements MonitorPlace, Disposable {
  readonly #child: ChildMessage
  readonly #isHeir: boolean
  #heir: Servant | undefined
  readonly poller = new Poller()
  readonly streams: MonitorPlace['streams']
  openHealth: MonitorPlace['openHealth']
  watchMemory: MonitorPlace['watchMemory']
  readonly #ends = new Map<number, ExitStatus>()
  #isAskedToEnd = false

  constructor(child: ChildMessage, isHeir: boolean) {
    this.#child = child
    this.#isHeir = isHeir
    const { tty, logDriver, openStdin, notifyManager } = child
    const pipes = () => ({
      stdout: new Fd(STDOUT_PIPE),
      stderr: new Fd(STDERR_PIPE),
      ...(openStdin && { stdin: new Fd(STDIN_PIPE) }),
    })
    const terminal = () =>
      isHeir ? { terminal: new Fd(TERMINAL_SOCKET) } : { terminalSocket: new Fd(TERMINAL_SOCKET) }
    const streams = tty ? terminal() : logDriver === 'passthrough' ? {} : pipes()
    this.streams = { ...streams, ...(notifyManager !== undefined && { notify: new Fd(NOTIFY_SOCKET) }) }
  }

  /** A signal has come that asks this process to end. */
  get isAskedToEnd(): boolean {
    return this.#isAskedToEnd
  }

  /** How a child that was no part of the container has ended. */
  endOf(pid: number): ExitStatus | undefined {
    return this.#ends.get(pid)
  }

  /** Where it has a restart policy and no service manager: somebody else goes on when this process is killed. */
  async appointHeir(terminal?: Fd): Promise<void> {
    const { tty, helpers, hasPolicy } = this.#child
    if (hasPolicy !== true || process.env['NOTIFY_SOCKET'] !== undefined || (tty && terminal === undefined)) return
    const { appointHeir } = await import('./heir.ts')
    const own = [
      ...(tty ? [] : [STDOUT_PIPE, STDERR_PIPE]),
      ...(helpers.some(({ isAwaited }) => !isAwaited) ? [LIFELINE] : []),
    ]
    const descriptors = new Map(own.map(fd => [fd, fd]))
    if (terminal !== undefined) descriptors.set(TERMINAL_SOCKET, terminal.number)
    // an end of the input that it kept would keep that open
    this.#heir = appointHeir({ ...this.#child, openStdin: false }, descriptors)
  }

  /** Nobody needs to go on. */
  [Symbol.dispose](): void {
    this.#heir?.disinherit()
    this.#heir?.close()
  }

  watchChildren(
    onEnd: (pid: number, status: ExitStatus) => void = () => {},
    onSignal: (signal: number) => void = () => {},
  ): OwnChildren {
    if (this.#isHeir) this.#watchForeign(this.#child.pid, onEnd)
    return new OwnChildren(
      this.poller,
      [SIGTERM, SIGINT, SIGHUP],
      (pid, status) => {
        this.#ends.set(pid, status)
        onEnd(pid, status)
      },
      signal => {
        this.#isAskedToEnd ||= signal === SIGTERM
        onSignal(signal)
      },
    )
  }

  /** The child of a monitor before this one: how it ends, nobody is told. */
  #watchForeign(pid: number, onEnd: (pid: number, status: ExitStatus) => void): void {
    const pidFd = openPidFd(pid)
    if (pidFd === undefined) return
    this.poller.watch(pidFd.number, READABLE, () => {
      this.poller.unwatch(pidFd.number)
      pidFd.close()
      onEnd(pid, { code: UNKNOWN_STATUS, signal: undefined })
    })
  }

  releaseOutput(): void {
    // nobody else has it
  }
}
