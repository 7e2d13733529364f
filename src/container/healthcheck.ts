// What a container's health check is, from its image (docker's HEALTHCHECK) and the options of run(1), and what its results make of the
// container's health. Pure.
import { TspodError } from '#errors.ts'
import type { Healthcheck as ImageHealthcheck } from '#oci/image-config.ts'

/** What is done to a container that has become unhealthy. */
export type HealthAction = 'none' | 'kill' | 'restart' | 'stop'

/** `--health-…`, absent where it was not said. */
export interface HealthRequest {
  /** `--no-healthcheck`, `--health-cmd none` */
  isDisabled?: boolean
  /** `['CMD', …]` or `['CMD-SHELL', text]` */
  test?: string[]
  /** `disable`: only `healthcheck run` runs it */
  intervalMs?: number | 'disable'
  timeoutMs?: number
  retries?: number
  startPeriodMs?: number
  startIntervalMs?: number
  onFailure?: HealthAction
  logCount?: number
  logBytes?: number
  startup?: Partial<StartupCheck>
}

/** A check that comes before the regular one, until it has succeeded. */
export interface StartupCheck {
  test: string[]
  intervalMs: number
  timeoutMs: number
  /** failures after which the container is started again; 0: however many there are */
  retries: number
  /** successes it takes */
  successes: number
}

export interface Healthcheck {
  test: string[]
  /** absent: it runs only when it is asked for */
  intervalMs?: number
  timeoutMs: number
  retries: number
  startPeriodMs: number
  /** in the start period; absent: as afterwards */
  startIntervalMs?: number
  onFailure: HealthAction
  /** how many results are kept, and how much output of each; 0: all */
  logCount: number
  logBytes: number
  startup?: StartupCheck
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy'

/** One result. */
export interface HealthResult {
  /** RFC 3339 */
  start: string
  end: string
  exitCode: number
  output: string
}

export interface Health {
  status: HealthStatus
  failingStreak: number
  log: HealthResult[]
  /** how often the check at startup has succeeded and failed; absent: there is none, or it is over */
  startup?: { successes: number; failures: number }
}

const usual = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3, startPeriodMs: 0, logCount: 5, logBytes: 500 }

/** The check of a new container; `undefined` where there is none. Throws INVALID for options that need one. */
export function planHealthcheck(
  asked: HealthRequest | undefined,
  image: ImageHealthcheck | undefined,
): Healthcheck | undefined {
  if (asked?.isDisabled === true) return undefined
  const test = asked?.test ?? testOf(image)
  if (test === undefined) {
    if (asked?.startup?.test !== undefined)
      throw new TspodError(
        'INVALID',
        '--health-startup-cmd needs a health check: there is no --health-cmd, and none in the image',
      )
    return undefined
  }
  const interval = asked?.intervalMs ?? milliseconds(image?.Interval) ?? usual.intervalMs
  const startIntervalMs = asked?.startIntervalMs ?? milliseconds(image?.StartInterval)
  return {
    test,
    ...(interval !== 'disable' && { intervalMs: interval }),
    timeoutMs: asked?.timeoutMs ?? milliseconds(image?.Timeout) ?? usual.timeoutMs,
    retries: asked?.retries ?? (image?.Retries || usual.retries),
    startPeriodMs: asked?.startPeriodMs ?? milliseconds(image?.StartPeriod) ?? usual.startPeriodMs,
    ...(startIntervalMs !== undefined && { startIntervalMs }),
    onFailure: asked?.onFailure ?? 'none',
    logCount: asked?.logCount ?? usual.logCount,
    logBytes: asked?.logBytes ?? usual.logBytes,
    ...(asked?.startup?.test !== undefined && {
      startup: {
        intervalMs: 30_000,
        timeoutMs: 30_000,
        retries: 0,
        successes: 1,
        test: asked.startup.test,
        ...asked.startup,
      },
    }),
  }
}

function testOf(image: ImageHealthcheck | undefined): string[] | undefined {
  const { Test = [] } = image ?? {}
  return Test[0] === 'NONE' || Test.length < 2 ? undefined : Test
}

/** docker writes 0 for what was not said. */
function milliseconds(nanoseconds: number | undefined): number | undefined {
  return nanoseconds === undefined || nanoseconds === 0 ? undefined : nanoseconds / 1e6
}

/** `--health-cmd`: a shell's command line, or a JSON list that begins with CMD, CMD-SHELL or a program; `undefined` for `none`. */
export function parseHealthTest(option: string, text: string): string[] | undefined {
  const list = listOf(text)
  const words = list ?? text.trim().split(/\s+/)
  const [first = ''] = words
  if (text.trim() === '' || words.length === 0)
    throw new TspodError('INVALID', `${option} "${text}": there is no command`)
  const keyword = first.toUpperCase()
  if (keyword === 'NONE' && words.length === 1) return undefined
  if (keyword === 'CMD' || keyword === 'CMD-SHELL') {
    const rest = words.slice(1)
    if (rest.length === 0) throw new TspodError('INVALID', `${option} "${text}": there is no command after ${first}`)
    if (keyword === 'CMD') return ['CMD', ...rest]
    return ['CMD-SHELL', list === undefined ? text.trim().slice(first.length).trim() : rest.join(' ')]
  }
  if (list !== undefined && list.length > 1) return ['CMD', ...list]
  return ['CMD-SHELL', list?.[0] ?? text]
}

function listOf(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every(word => typeof word === 'string') ? value : undefined
  } catch {
    return undefined // a program whose name begins with a bracket, such as `[`
  }
}

/** What is executed for a test. */
export function healthArguments([kind, ...words]: readonly string[]): string[] {
  return kind === 'CMD-SHELL' ? ['/bin/sh', '-c', words.join(' ')] : words
}

/** The health of a container that has just started. */
export function newHealth({ startup }: Healthcheck): Health {
  return { status: 'starting', failingStreak: 0, log: [], ...(startup && { startup: { successes: 0, failures: 0 } }) }
}

/** The health after one more result; `isStarting`: the start period is not over. */
export function afterResult(check: Healthcheck, before: Health, result: HealthResult, isStarting: boolean): Health {
  const output = check.logBytes > 0 ? result.output.slice(0, check.logBytes) : result.output
  const all = [...before.log, { ...result, output }]
  const log = check.logCount > 0 ? all.slice(-check.logCount) : all
  if (before.startup !== undefined && check.startup !== undefined)
    return afterStartup(check.startup, { ...before, log }, result.exitCode === 0)
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log }
  if (isStarting && before.status === 'starting') return { ...before, log }
  const failingStreak = before.failingStreak + 1
  return { status: failingStreak >= check.retries ? 'unhealthy' : before.status, failingStreak, log }
}

function afterStartup(check: StartupCheck, before: Health, isSuccess: boolean): Health {
  const { successes, failures } = before.startup ?? { successes: 0, failures: 0 }
  const startup = isSuccess ? { successes: successes + 1, failures: 0 } : { successes: 0, failures: failures + 1 }
  if (startup.successes >= Math.max(1, check.successes))
    return { status: 'starting', failingStreak: 0, log: before.log }
  return { ...before, startup, failingStreak: startup.failures }
}

/** What is to be done after a result. */
export function actionAfter(check: Healthcheck, before: Health, after: Health): HealthAction {
  const { startup } = check
  if (after.startup !== undefined)
    return startup !== undefined && startup.retries > 0 && after.startup.failures >= startup.retries
      ? 'restart'
      : 'none'
  return after.status === 'unhealthy' && before.status !== 'unhealthy' ? check.onFailure : 'none'
}

/** When the next check is due after the end of one; `undefined`: never. */
export function nextCheckMs(check: Healthcheck, { startup }: Health, isStarting: boolean): number | undefined {
  if (startup !== undefined) return check.startup?.intervalMs
  return isStarting && check.intervalMs !== undefined ? (check.startIntervalMs ?? check.intervalMs) : check.intervalMs
}

/** What runs next, and for how long it may. */
export function currentTest(check: Healthcheck, { startup }: Health): { test: string[]; timeoutMs: number } {
  return startup !== undefined && check.startup !== undefined ? check.startup : check
}
