// Looks after a container's health: runs its check when it is due, ends one that takes too long, records what came of it and acts on it.
// Part of the loop of the monitor, or of the attached command line; loaded only for containers that have a check.
import { readHealth, writeHealth } from '#container/health-record.ts'
import {
  actionAfter,
  afterResult,
  currentTest,
  type Health,
  type HealthAction,
  type Healthcheck,
  type HealthResult,
  nextCheckMs,
} from '#container/healthcheck.ts'
import { standsStill } from '#container/state.ts'
import { TspodError } from '#errors.ts'
import { formatTimestamp } from '#oci/timestamp.ts'
import { bootClockNs, wallClockNs } from '#sys/clock.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import type { Fd } from '#sys/fd.ts'
import { SIGKILL } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { type ExitStatus, killProcess, openPidFd, waitProcess } from '#sys/process.ts'
import { CANNOT_RUN, CheckStarter, type StandingStarter, TIMED_OUT } from './health-execution.ts'
import { CheckOutput } from './health-output.ts'
import { journalEvent } from './journal.ts'
import type { ChildMessage } from './protocol.ts'

/** A paused container is looked at again after this. */
const PAUSED_MS = 1000
const TICK_NS = 10_000_000n

/** A process that starts checks and was ended by somebody is made again so often; then each check is made as `exec` does. */
const MOST_STANDS = 16

/** A check under way. */
interface Check {
  pid: number
  test: string[]
  output: CheckOutput
  /** Its output is that of one check after the other. */
  isStanding: boolean
  pidFd: Fd | undefined
  startNs: bigint
  timeoutMs: number
  isLate: boolean
}

export class HealthWatch {
  readonly #child: ChildMessage
  readonly #plan: Healthcheck
  readonly #starter: CheckStarter
  readonly #poller: Poller
  readonly #deadlines: Deadlines
  readonly #act: (action: HealthAction) => void
  #check: Check | undefined
  #standing: { starter: StandingStarter; output: CheckOutput } | undefined
  #stands = 0
  #isOver = false

  /** Reads what a check needs; `act` is called where the container is to be killed, stopped or started again. */
  static async open(child: ChildMessage): Promise<OpenHealthWatch> {
    const { health } = child
    if (health === undefined) throw new TspodError('INTERNAL', 'there is no health check')
    const starter = await CheckStarter.open(child, health.isSingle)
    return (poller, deadlines, act) => new HealthWatch(child, health.check, starter, poller, deadlines, act)
  }

  private constructor(
    child: ChildMessage,
    plan: Healthcheck,
    starter: CheckStarter,
    poller: Poller,
    deadlines: Deadlines,
    act: (action: HealthAction) => void,
  ) {
    this.#child = child
    this.#plan = plan
    this.#starter = starter
    this.#poller = poller
    this.#deadlines = deadlines
    this.#act = act
  }

  /** The container's program runs: the first check is due at once. */
  begin(): void {
    if (nextCheckMs(this.#plan, this.#health, false) !== undefined) this.#later(0)
  }

  /** A child of this process has ended that somebody else has collected. */
  onChildEnd(pid: number, status: ExitStatus): void {
    if (this.#check?.pid === pid) this.#finish(this.#check, status)
  }

  /** The container has ended. */
  end(): void {
    this.#isOver = true
    this.#deadlines.clear('health')
    if (this.#check !== undefined) {
      const { pid } = this.#check
      this.#forget(this.#check)
      killProcess(-pid, SIGKILL)
      waitProcess(pid)
    }
    this.#fall()
  }

  get #health(): Health {
    return readHealth(this.#child.folder, this.#plan, this.#child)
  }

  get #isStarting(): boolean {
    const ageNs = bootClockNs() - BigInt(this.#child.startTime) * TICK_NS
    return Number(ageNs / 1_000_000n) < this.#plan.startPeriodMs
  }

  #later(ms: number): void {
    this.#deadlines.set('health', ms, () => this.#run())
  }

  #run(): void {
    if (standsStill(this.#child)) {
      this.#later(PAUSED_MS)
      return
    }
    // what is on record matters only where there is a choice
    const { test, timeoutMs } = this.#plan.startup === undefined ? this.#plan : currentTest(this.#plan, this.#health)
    const startNs = wallClockNs()
    if (!this.#startStanding(test, timeoutMs, startNs)) this.#startAlone(test, timeoutMs, startNs)
  }

  /** False where the process that starts checks cannot be had. */
  #startStanding(test: string[], timeoutMs: number, startNs: bigint): boolean {
    try {
      const standing = this.#stand()
      if (standing === undefined) return false
      const { starter, output } = standing
      output.reset()
      this.#follow({ pid: starter.start(test), test, output, isStanding: true, startNs, timeoutMs })
      return true
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      this.#fall()
      return false
    }
  }

  #startAlone(test: string[], timeoutMs: number, startNs: bigint): void {
    try {
      const { pid, output: fd } = this.#starter.start(test)
      this.#follow({ pid, test, output: new CheckOutput(this.#poller, fd), isStanding: false, startNs, timeoutMs })
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      this.#note(startNs, error.exitCode ?? CANNOT_RUN, error.message)
    }
  }

  #follow(started: Omit<Check, 'pidFd' | 'isLate'>): void {
    const { pid, timeoutMs } = started
    const check: Check = { ...started, pidFd: openPidFd(pid), isLate: false }
    this.#check = check
    if (check.pidFd !== undefined) this.#poller.watch(check.pidFd.number, READABLE, () => this.#collect(check))
    this.#deadlines.set('health', timeoutMs, () => {
      check.isLate = true
      killProcess(-pid, SIGKILL) // it leads a session of its own
    })
  }

  #stand(): { starter: StandingStarter; output: CheckOutput } | undefined {
    if (this.#standing?.output.isOpen === false) this.#fall() // somebody has ended it
    if (this.#standing !== undefined || this.#stands === MOST_STANDS) return this.#standing
    this.#stands++
    const starter = this.#starter.stand()
    const output = new CheckOutput(this.#poller, starter.output)
    this.#poller.watch(starter.failures, READABLE, () => this.#onFailure(starter))
    this.#standing = { starter, output }
    return this.#standing
  }

  #fall(): void {
    if (this.#standing === undefined) return
    const { starter, output } = this.#standing
    this.#standing = undefined
    this.#poller.unwatch(starter.failures)
    output[Symbol.dispose]()
    starter[Symbol.dispose]()
  }

  /** A check could not be executed: it is tried once more in the way that can say why. */
  #onFailure(starter: StandingStarter): void {
    const check = this.#check
    if (!starter.hasFailed()) {
      this.#fall()
      return
    }
    if (check?.isStanding !== true) return
    this.#forget(check)
    killProcess(check.pid, SIGKILL)
    waitProcess(check.pid)
    this.#startAlone(check.test, check.timeoutMs, check.startNs)
  }

  /** Where the monitor has collected it first, `onChildEnd` is told. */
  #collect(check: Check): void {
    const ended = waitProcess(check.pid, true)
    if (ended !== undefined) this.#finish(check, ended.status)
    else if (check.pidFd?.isOpen === true) this.#poller.unwatch(check.pidFd.number)
  }

  #finish(check: Check, { code }: ExitStatus): void {
    const { output, startNs, timeoutMs, isLate } = check
    const text = isLate ? output.lateText(timeoutMs) : output.text()
    this.#forget(check)
    this.#note(startNs, isLate ? TIMED_OUT : code, text)
  }

  #forget(check: Check): void {
    this.#check = undefined
    this.#deadlines.clear('health')
    if (!check.isStanding) check.output[Symbol.dispose]()
    if (check.pidFd?.isOpen !== true) return
    this.#poller.unwatch(check.pidFd.number)
    check.pidFd.close()
  }

  #note(startNs: bigint, exitCode: number, output: string): void {
    if (this.#isOver) return
    const result: HealthResult = {
      start: formatTimestamp(startNs),
      end: formatTimestamp(wallClockNs()),
      exitCode,
      output,
    }
    const before = this.#health
    const after = afterResult(this.#plan, before, result, this.#isStarting)
    try {
      writeHealth(this.#child.folder, this.#child, after)
    } catch {
      // a full disk, or it is being removed: the next result is recorded again
    }
    if (after.status !== before.status)
      journalEvent(this.#child, 'health_status', { attributes: { health_status: after.status } })
    const nextMs = nextCheckMs(this.#plan, after, this.#isStarting)
    if (nextMs !== undefined) this.#later(nextMs)
    const action = actionAfter(this.#plan, before, after)
    if (action !== 'none') this.#act(action)
  }
}

/** Makes the watch, once there is a loop to be part of. */
export type OpenHealthWatch = (poller: Poller, deadlines: Deadlines, act: (action: HealthAction) => void) => HealthWatch
