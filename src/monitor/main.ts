// The monitor's role, `tspod monitor:<id>`: reads from descriptor 3 what to watch, watches it, records how it ended.
// Runs in the host's namespaces, in a session of its own; standard streams are /dev/null.
import { appendFileSync } from 'node:fs'
import { parseLogConfig } from '#container/log-config.ts'
import { TspodError } from '#errors.ts'
import { nowTimestamp } from '#sys/clock.ts'
import { Fd, writeFully } from '#sys/fd.ts'
import { SIGHUP, SIGINT, SIGTERM } from '#sys/flags.ts'
import { Poller } from '#sys/poll.ts'
import { journalEvents } from './journal.ts'
import type { LogDriver } from './log/driver.ts'
import { openLog } from './log/open.ts'
import { Monitor, type MonitorPlace } from './monitor.ts'
import { tryRead } from './nonblocking.ts'
import { killOwnChildren, OwnChildren } from './own-children.ts'
import { type ChildMessage, decodePayload, encodeMessage, HEADER_BYTES, messageTypes } from './protocol.ts'
import { releasePorts } from './release-ports.ts'

/** Descriptors that the launcher leaves. */
const CONTROL = 3
const STDOUT_PIPE = 4
const STDERR_PIPE = 5
const STDIN_PIPE = 6
const TERMINAL_SOCKET = 7

/** The whole life of a monitor. */
export async function monitorMain(): Promise<void> {
  const control = new Fd(CONTROL)
  const child = readChild(control.number)
  if (child === undefined) {
    killOwnChildren() // the command line has gone before there was anything to watch
    process.exit(0)
  }
  process.chdir('/')
  delete process.env.BUN_JSC_useJIT // for this process only, not for what it starts
  try {
    await watch(child, control)
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    appendFileSync(`${child.folder}/monitor.log`, `${nowTimestamp()} ${text}\n`, { mode: 0o600 })
    process.exit(1)
  }
  process.exit(0)
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

async function watch(child: ChildMessage, control: Fd): Promise<void> {
  let log: LogDriver
  try {
    log = await openLog(parseLogConfig(child.logDriver, child.logOpts, child.folder))
  } catch (error) {
    const message = `opening the log of container "${child.name}": ${error instanceof Error ? error.message : String(error)}`
    const hint = error instanceof TspodError ? error.hint : undefined
    writeFully(control.number, encodeMessage('refused', { message, exitCode: 125, hint }))
    killOwnChildren()
    return
  }
  const monitor = new Monitor(child, log, control, journalEvents(child), ownPlace(child))
  while (!monitor.hasEnded) monitor.turn()
  const ending = monitor.finish()
  await releasePorts(child)
  const { recordEnding, keepRecording } = await import('./ending.ts')
  const isRecorded = await recordEnding(child, ending, message => monitor.announce(message))
  monitor.bidFarewell()
  if (!isRecorded) await keepRecording(child, ending)
}

/** This process: its launcher left the descriptors, and the container's process is its child. */
function ownPlace({ tty, logDriver, openStdin }: ChildMessage): MonitorPlace {
  const poller = new Poller()
  const pipes = {
    stdout: new Fd(STDOUT_PIPE),
    stderr: new Fd(STDERR_PIPE),
    ...(openStdin && { stdin: new Fd(STDIN_PIPE) }),
  }
  const streams = tty ? { terminalSocket: new Fd(TERMINAL_SOCKET) } : logDriver === 'passthrough' ? {} : pipes
  return {
    poller,
    streams,
    watchChildren: (onEnd, onSignal) => new OwnChildren(poller, [SIGTERM, SIGINT, SIGHUP], onEnd, onSignal),
    releaseOutput: () => {}, // nobody else has it
  }
}
