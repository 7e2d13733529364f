// The options --health-… and --no-healthcheck, as what the engine understands.
import { type HealthRequest, parseHealthTest } from '#container/healthcheck.ts'
import { usageError } from './command.ts'
import type { healthOptions } from './life-options.ts'
import type { Values } from './option.ts'
import { parseDurationOption } from './values.ts'

/** `undefined` where nothing was said. Throws INVALID for what contradicts itself. */
export function healthRequest(values: Values<typeof healthOptions>): HealthRequest | undefined {
  if (values.noHealthcheck === true && values.healthCmd !== undefined)
    throw usageError('cannot specify both --no-healthcheck and --health-cmd')
  const test = values.healthCmd === undefined ? undefined : parseHealthTest('--health-cmd', values.healthCmd)
  const startup = withoutAbsent({
    test:
      values.healthStartupCmd === undefined
        ? undefined
        : parseHealthTest('--health-startup-cmd', values.healthStartupCmd),
    intervalMs: values.healthStartupInterval,
    timeoutMs: values.healthStartupTimeout,
    retries: values.healthStartupRetries,
    successes: values.healthStartupSuccess,
  })
  if (startup !== undefined && startup.test === undefined)
    throw usageError('--health-startup-interval, -timeout, -retries and -success need --health-startup-cmd')
  return withoutAbsent({
    isDisabled: values.noHealthcheck === true || (values.healthCmd !== undefined && test === undefined) || undefined,
    test,
    intervalMs: intervalOf(values.healthInterval),
    timeoutMs: values.healthTimeout,
    retries: values.healthRetries,
    startPeriodMs: values.healthStartPeriod,
    startIntervalMs: values.healthStartInterval,
    onFailure: values.healthOnFailure,
    logCount: values.healthMaxLogCount,
    logBytes: values.healthMaxLogSize,
    startup,
  })
}

function intervalOf(text: string | undefined): number | 'disable' | undefined {
  if (text === undefined || text === 'disable') return text
  const ms = parseDurationOption(text, '--health-interval')
  return ms === 0 ? 'disable' : ms
}

/** `undefined` where nothing is left. */
function withoutAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined)
  return said.length === 0 ? undefined : (Object.fromEntries(said) as { [K in keyof T]?: Exclude<T[K], undefined> })
}
