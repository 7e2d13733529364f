import { describe, expect, test } from 'bun:test'
import {
  actionAfter,
  afterResult,
  currentTest,
  type Healthcheck,
  healthArguments,
  newHealth,
  nextCheckMs,
  parseHealthTest,
  planHealthcheck,
} from '#container/healthcheck.ts'

const result = (exitCode: number) => ({ start: 's', end: 'e', exitCode, output: 'said' })
const check = (more: Partial<Healthcheck> = {}): Healthcheck => ({
  test: ['CMD', 'true'],
  intervalMs: 1000,
  timeoutMs: 1000,
  retries: 2,
  startPeriodMs: 0,
  onFailure: 'none',
  logCount: 5,
  logBytes: 500,
  ...more,
})

describe('parseHealthTest()', () => {
  test('takes command lines of a shell, and lists', () => {
    expect(parseHealthTest('--health-cmd', 'curl -f localhost || exit 1')).toEqual([
      'CMD-SHELL',
      'curl -f localhost || exit 1',
    ])
    expect(parseHealthTest('--health-cmd', 'CMD-SHELL test -e  /ok')).toEqual(['CMD-SHELL', 'test -e  /ok'])
    expect(parseHealthTest('--health-cmd', 'CMD test -e /ok')).toEqual(['CMD', 'test', '-e', '/ok'])
    expect(parseHealthTest('--health-cmd', '["CMD", "a b"]')).toEqual(['CMD', 'a b'])
    expect(parseHealthTest('--health-cmd', '["echo", "a b"]')).toEqual(['CMD', 'echo', 'a b'])
    expect(parseHealthTest('--health-cmd', '["true"]')).toEqual(['CMD-SHELL', 'true'])
    expect(parseHealthTest('--health-cmd', '[ -e /ok ]')).toEqual(['CMD-SHELL', '[ -e /ok ]'])
    expect(parseHealthTest('--health-cmd', 'none')).toBeUndefined()
  })

  test('refuses what has no command', () => {
    for (const text of ['', '  ', '[]', 'CMD', '["CMD-SHELL"]'])
      expect(() => parseHealthTest('--health-cmd', text)).toThrow('there is no command')
  })
})

describe('planHealthcheck()', () => {
  const image = { Test: ['CMD-SHELL', 'true'], Interval: 5e9, Retries: 0, StartPeriod: 2e9 }

  test('takes the check of the image, options over it, and the usual values', () => {
    expect(planHealthcheck(undefined, image)).toEqual(
      check({ test: ['CMD-SHELL', 'true'], intervalMs: 5000, timeoutMs: 30_000, retries: 3, startPeriodMs: 2000 }),
    )
    expect(planHealthcheck({ retries: 7, intervalMs: 'disable' }, image)).toMatchObject({
      retries: 7,
      startPeriodMs: 2000,
    })
    expect(planHealthcheck({ intervalMs: 'disable' }, image)?.intervalMs).toBeUndefined()
  })

  test('is none where nobody wants one', () => {
    expect(planHealthcheck(undefined, undefined)).toBeUndefined()
    expect(planHealthcheck({ retries: 3 }, undefined)).toBeUndefined()
    expect(planHealthcheck({ isDisabled: true }, image)).toBeUndefined()
    expect(planHealthcheck(undefined, { Test: ['NONE'] })).toBeUndefined()
    expect(() => planHealthcheck({ startup: { test: ['CMD', 'a'] } }, undefined)).toThrow('needs a health check')
  })
})

describe('afterResult()', () => {
  test('makes it unhealthy after so many failures in a row, healthy after one success', () => {
    let health = newHealth(check())
    expect(health.status).toBe('starting')
    health = afterResult(check(), health, result(1), false)
    expect([health.status, health.failingStreak]).toEqual(['starting', 1])
    health = afterResult(check(), health, result(1), false)
    expect([health.status, health.failingStreak]).toEqual(['unhealthy', 2])
    health = afterResult(check(), health, result(0), false)
    expect([health.status, health.failingStreak]).toEqual(['healthy', 0])
    health = afterResult(check(), health, result(1), false)
    expect(health.status).toBe('healthy')
  })

  test('does not count failures in the start period, until the first success', () => {
    const plan = check({ startPeriodMs: 5000, retries: 1 })
    const failed = afterResult(plan, newHealth(plan), result(1), true)
    expect([failed.status, failed.failingStreak]).toEqual(['starting', 0])
    const healthy = afterResult(plan, failed, result(0), true)
    expect(afterResult(plan, healthy, result(1), true).status).toBe('unhealthy')
  })

  test('keeps the last results, and so much of their output', () => {
    const plan = check({ logCount: 2, logBytes: 3 })
    let health = newHealth(plan)
    for (const code of [1, 2, 3]) health = afterResult(plan, health, result(code), false)
    expect(health.log).toEqual([2, 3].map(exitCode => ({ ...result(exitCode), output: 'sai' })))
  })
})

describe('a check at startup', () => {
  const startup = { test: ['CMD', 'ready'], intervalMs: 7, timeoutMs: 8, retries: 2, successes: 2 }
  const plan = check({ startup })

  test('comes first, and goes when it has succeeded often enough', () => {
    const first = newHealth(plan)
    expect([currentTest(plan, first).test, nextCheckMs(plan, first, false)]).toEqual([['CMD', 'ready'], 7])
    const once = afterResult(plan, first, result(0), false)
    expect([once.status, once.startup?.successes]).toEqual(['starting', 1])
    const twice = afterResult(plan, once, result(0), false)
    expect([currentTest(plan, twice).test, nextCheckMs(plan, twice, false)]).toEqual([['CMD', 'true'], 1000])
  })

  test('has the container started again when it fails too often', () => {
    const once = afterResult(plan, newHealth(plan), result(1), false)
    expect(actionAfter(plan, newHealth(plan), once)).toBe('none')
    expect(actionAfter(plan, once, afterResult(plan, once, result(1), false))).toBe('restart')
  })
})

test('actionAfter() acts once, when it becomes unhealthy', () => {
  const plan = check({ retries: 1, onFailure: 'kill' })
  const failed = afterResult(plan, newHealth(plan), result(1), false)
  expect(actionAfter(plan, newHealth(plan), failed)).toBe('kill')
  expect(actionAfter(plan, failed, afterResult(plan, failed, result(1), false))).toBe('none')
})

test('healthArguments() gives a command line to the shell', () => {
  expect(healthArguments(['CMD-SHELL', 'a | b'])).toEqual(['/bin/sh', '-c', 'a | b'])
  expect(healthArguments(['CMD', 'a', 'b'])).toEqual(['a', 'b'])
})
