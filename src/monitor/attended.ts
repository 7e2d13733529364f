// The monitor's work inside an attached command line, so that a short container costs no second start of this program. Should the
// command line be killed, detach or close, the container's parent (the launcher) becomes a monitor of its own: see
// docs/decisions/attended.md. Runs in the command line.
import { parseLogConfig } from '#container/log-config.ts'
import { log } from '#log.ts'
import { openSocketPair, writeFully } from '#sys/fd.ts'
import { SIGKILL, SOCK_STREAM } from '#sys/flags.ts'
import { Poller, READABLE } from '#sys/poll.ts'
import { type ExitStatus, killProcess, openPidFd, waitProcess } from '#sys/process.ts'
import type { Servant } from '#sys/servant/servant.ts'
import { type ContainerOutcome, type ContainerSession, MonitorLink } from './client/container-session.ts'
import { openCompanions } from './companions.ts'
import { recordEnding } from './ending.ts'
import { journalEvents } from './journal.ts'
import type { Attended } from './launch.ts'
import { openLog } from './log/open.ts'
import { Monitor, type MonitorEvents, type MonitorPlace, type WatchedChildren } from './monitor.ts'
import { type ChildMessage, encodeMessage } from './protocol.ts'
import { releasePorts } from './release-ports.ts'

/** Watches the container and serves this very process as its first client, until it ends or the user leaves. */
export async function attend(
  { child, launcher, streams, releaseOutput }: Attended,
  options: ContainerSession,
): Promise<ContainerOutcome> {
  using poller = new Poller()
  const [toClient, toMonitor] = openSocketPair(SOCK_STREAM)
  using _toMonitor = toMonitor
  const containerLog = await openLog(parseLogConfig(child.logDriver, child.logOpts, child.folder))
  const place: MonitorPlace = {
    poller,
    streams,
    watchChildren: onEnd => watchThrough(launcher, child, poller, onEnd),
    releaseOutput,
    ...(await openCompanions(child)),
  }
  const monitor = new Monitor(child, containerLog, toClient, eventsOf(child), place)
  writeFully(toMonitor.number, encodeMessage('started', { isTold: false }))
  using link = new MonitorLink(poller, toMonitor, options)
  while (link.outcome === undefined && !monitor.hasEnded) monitor.turn()
  if (link.outcome !== undefined && !monitor.hasEnded) {
    const outcome = link.conclude(link.outcome)
    monitor.abandon()
    launcher.close() // it is the monitor from here on
    return outcome
  }
  const ending = monitor.finish()
  await releasePorts(child)
  const { isRecorded, restart } = await recordEnding(child, ending, message => monitor.announce(message))
  const isOver = isRecorded && restart === undefined
  if (isOver) {
    launcher.disinherit()
    launcher.awaitChild(child.pid)
  }
  monitor.bidFarewell()
  while (link.outcome === undefined) poller.wait()
  launcher.close() // on a full disk it is the monitor now, and tries again; and it is where the container starts again
  if (isOver) waitProcess(launcher.pid)
  return link.conclude(link.outcome)
}

/** The user is there to be told. */
function eventsOf(child: ChildMessage): MonitorEvents {
  const events = journalEvents(child)
  return {
    ...events,
    onHelperLost: (helper, status) => {
      events.onHelperLost(helper, status)
      log.warn(`${helper} of container "${child.name}" has ended (status ${status.code}): what it served is lost`)
    },
  }
}

/** The container's process and its helpers are the launcher's children: their end is seen by pidfd_open(2), told by the launcher. */
function watchThrough(
  launcher: Servant,
  child: ChildMessage,
  poller: Poller,
  onEnd: (pid: number, status: ExitStatus) => void,
): WatchedChildren {
  const collect = (pid: number): boolean => {
    const status = launcher.peekChild(pid)
    if (status === undefined) return false
    waiting.delete(pid)
    if (pid !== child.pid) launcher.awaitChild(pid) // only the container's own end is kept for whoever may take over
    onEnd(pid, status)
    return true
  }
  const waiting = new Set([child.pid, ...child.helpers.map(({ pid }) => pid)])
  for (const pid of waiting) {
    const pidFd = openPidFd(pid)
    if (pidFd === undefined) continue // it has ended: `reap` collects it
    poller.watch(pidFd.number, READABLE, () => {
      if (waiting.has(pid) && !collect(pid)) return
      poller.unwatch(pidFd.number)
      pidFd.close()
    })
  }
  return {
    reap: () => {
      for (const pid of waiting) collect(pid)
    },
    end: pid => {
      waiting.delete(pid)
      killProcess(pid, SIGKILL)
      launcher.awaitChild(pid)
    },
  }
}
