import { expect, test } from 'bun:test'
import { humanDuration, parseDuration, parseTime, timeAgo } from '#cli/format/durations.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const spoken: [number, string][] = [
  [0, 'Less than a second'],
  [second, '1 second'],
  [59 * second, '59 seconds'],
  [minute, 'About a minute'],
  [2 * minute, '2 minutes'],
  [59 * minute, '59 minutes'],
  [hour, 'About an hour'],
  [89 * minute, 'About an hour'],
  [91 * minute, '2 hours'],
  [47 * hour, '47 hours'],
  [48 * hour, '2 days'],
  [13 * day, '13 days'],
  [14 * day, '2 weeks'],
  [59 * day, '8 weeks'],
  [60 * day, '2 months'],
  [729 * day, '24 months'],
  [730 * day, '2 years'],
]
for (const [ms, wanted] of spoken)
  test(`${ms / second} seconds are "${wanted}"`, () => {
    expect(humanDuration(ms)).toBe(wanted)
  })

test('a time in the future is now', () => {
  expect(timeAgo(2000, 1000)).toBe('Less than a second ago')
})

test('durations are read as Go reads them', () => {
  expect(['1h30m', '250ms', '1.5s', '0', '10d', '-5m', '5', 'h', '1x', '', '1h 2m'].map(parseDuration)).toEqual([
    90 * minute,
    250,
    1500,
    0,
    10 * day,
    -5 * minute,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('times are seconds, RFC 3339, local dates, or how long ago', () => {
  const now = Date.UTC(2026, 0, 2)
  expect(parseTime('--since', '1136073600.5', now)).toBe(1_136_073_600_500)
  expect(parseTime('--since', '10m', now)).toBe(now - 10 * minute)
  expect(parseTime('--since', '2026-01-01T10:00:00Z', now)).toBe(Date.UTC(2026, 0, 1, 10))
  expect(parseTime('--since', '2026-01-01T10:00:00.25+02:00', now)).toBe(Date.UTC(2026, 0, 1, 8, 0, 0, 250))
  expect(parseTime('--since', '2026-01-01', now)).toBe(new Date(2026, 0, 1).getTime())
  expect(parseTime('--since', '2026-01-01T10', now)).toBe(new Date(2026, 0, 1, 10).getTime())
  expect(parseTime('--since', '2026-01-01 10:20', now)).toBe(new Date(2026, 0, 1, 10, 20).getTime())
})

for (const text of ['', 'yesterday', '2026-13-01', '2026-01-01T25:00:00Z', '10 m'])
  test(`"${text}" is no time`, () => {
    expect(() => parseTime('--since', text, 0)).toThrow(`parsing --since "${text}": must be a time such as`)
  })
