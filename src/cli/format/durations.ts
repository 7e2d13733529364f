// Times for people: how long ago, and the forms users give them in. Pure.
import { TspodError } from '#errors.ts'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** `About an hour`, `3 weeks`: one unit, rounded down as Docker does. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds < minute) return seconds === 1 ? '1 second' : `${seconds} seconds`
  if (seconds < hour) return seconds < 2 * minute ? 'About a minute' : `${Math.floor(seconds / minute)} minutes`
  const hours = Math.floor(seconds / hour + 0.5)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  const days = Math.floor(hours / 24)
  if (days < 14) return `${days} days`
  if (days < 60) return `${Math.floor(days / 7)} weeks`
  if (days < 730) return `${Math.floor(days / 30)} months`
  return `${Math.floor(days / 365)} years`
}

/** `3 minutes ago`. A time in the future (a clock that was set back) counts as now. */
export function timeAgo(atMs: number, nowMs: number): string {
  return `${humanDuration(Math.max(0, nowMs - atMs))} ago`
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: minute * 1000,
  h: hour * 1000,
  d: day * 1000,
  w: 7 * day * 1000,
}

/** `1h30m`, `250ms`, `10d` to milliseconds, `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h|d|w)/.test(text)) return undefined
  let total = 0
  let rest = text.replace(/^-/, '')
  while (rest !== '') {
    const part = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)/.exec(rest)
    if (part === null) return undefined
    total += Number(part[1]) * (unitMs[part[2] ?? ''] ?? 0)
    rest = rest.slice(part[0].length)
  }
  return text.startsWith('-') ? -total : total
}

/**
 * A point in time as `--since` and `--until` take it: seconds since 1970 (`1136073600.5`), RFC 3339 with or without
 * zone, a date, or a duration before now. Throws INVALID naming the option.
 */
export function parseTime(option: string, text: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  const duration = parseDuration(text)
  if (duration !== undefined) return nowMs - duration
  const date = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text)
  const atMs = date ? Date.parse(completeTime(text)) : Number.NaN
  if (!Number.isNaN(atMs)) return atMs
  throw new TspodError(
    'INVALID',
    `parsing ${option} "${text}": must be a time such as 2006-01-02T15:04:05, a number of seconds since 1970, or how long ago, such as 10m`,
  )
}

/** Local time where no zone is given; JavaScript reads a bare date as UTC. */
function completeTime(text: string): string {
  const [, date = '', time = '', zone = ''] = /^(\S{10})(?:[T ]([\d:.]+)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? []
  const full = `${time === '' ? '00' : time}${':00'.repeat(Math.max(0, 2 - (time.match(/:/g)?.length ?? 0)))}`
  return `${date}T${full}${zone}`
}
