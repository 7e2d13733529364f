// The monitor's role, `tspod monitor:<id>`: reads from descriptor 3 what to watch, watches it, records how it ended.
// Runs in the host's namespaces, in a session of its own; standard streams are /dev/null.
import { appendFileSync } from 'node:fs'
import { parseLogConfig } from '#container/log-config.ts'
import { TspodError } from '#errors.ts'
import { nowTimestamp } from '#sys/clock.ts'
import { Fd, writeFully } from '#sys/fd.ts'
import { journalEvent } from './journal.ts'
import type { LogDriver } from './log/driver.ts'
import { openLog } from './log/open.ts'
import { Monitor } from './monitor.ts'
import { tryRead } from './nonblocking.ts'
import { killOwnChildren } from './own-children.ts'
import { type ChildMessage, decodePayload, encodeMessage, HEADER_BYTES, messageTypes } from './protocol.ts'

const CONTROL = 3

/** The whole life of a monitor. */
export async function monitorMain(): Promise<void> {
  const control = new Fd(CONTROL)
  const child = readChild(control.number)
  if (child === undefined) {
    killOwnChildren() // the command line has gone before there was anything to watch
    process.exit(0)
  }
  process.chdir('/')
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
  return decodePayload<ChildMessage>(payload)
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
  const monitor = new Monitor(child, log, control, {
    onStarted: () => journalEvent(child, 'start'),
    onHelperLost: (helper, { code }) => journalEvent(child, 'helper-died', { attributes: { helper }, exitCode: code }),
  })
  const ending = monitor.watch()
  const { recordEnding } = await import('./ending.ts')
  await recordEnding(child, ending, message => monitor.announce(message))
  monitor.bidFarewell()
}
