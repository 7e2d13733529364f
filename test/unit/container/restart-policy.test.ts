import { expect, test } from 'bun:test'
import { parseRestartPolicy, restartPauseMs, startsAtBoot, wantsRestart } from '#container/restart-policy.ts'

test('parseRestartPolicy() takes the words of podman and docker', () => {
  expect(['', 'no', 'never'].map(parseRestartPolicy)).toEqual([undefined, undefined, undefined])
  expect(parseRestartPolicy('always')).toEqual({ name: 'always' })
  expect(parseRestartPolicy('unless-stopped')).toEqual({ name: 'unless-stopped' })
  expect(parseRestartPolicy('on-failure')).toEqual({ name: 'on-failure' })
  expect(parseRestartPolicy('on-failure:5')).toEqual({ name: 'on-failure', maximumRetries: 5 })
  expect(parseRestartPolicy('on-failure:0')).toEqual({ name: 'on-failure' })
})

test('parseRestartPolicy() refuses others, quoting them', () => {
  expect(() => parseRestartPolicy('sometimes')).toThrow('"sometimes" is not a valid restart policy')
  expect(() => parseRestartPolicy('always:3')).toThrow('only on-failure takes a number of retries')
  expect(() => parseRestartPolicy('on-failure:x')).toThrow('the number of retries is "x"')
  expect(() => parseRestartPolicy('on-failure:-1')).toThrow('the number of retries is "-1"')
})

test('wantsRestart() counts the retries of on-failure, and looks at nothing for the others', () => {
  expect(wantsRestart(undefined, 1, 0)).toBe(false)
  expect(wantsRestart({ name: 'always' }, 0, 1000)).toBe(true)
  expect(wantsRestart({ name: 'on-failure' }, 0, 0)).toBe(false)
  expect(wantsRestart({ name: 'on-failure' }, 1, 1000)).toBe(true)
  expect([0, 1, 2].map(count => wantsRestart({ name: 'on-failure', maximumRetries: 2 }, 1, count))).toEqual([
    true,
    true,
    false,
  ])
})

test('restartPauseMs() doubles up to a minute, and begins anew after a good run', () => {
  const pauses = [undefined, 100, 200, 40_000, 60_000].map(last => restartPauseMs(50, last))
  expect(pauses).toEqual([100, 200, 400, 60_000, 60_000])
  expect(restartPauseMs(10_000, 60_000)).toBe(100)
})

test('startsAtBoot() leaves what a user has ended, unless it is always to run', () => {
  const starts = (text: string, endedByUser: boolean) => startsAtBoot(parseRestartPolicy(text), endedByUser)
  expect(['no', 'on-failure', 'always', 'unless-stopped'].map(text => starts(text, false))).toEqual([
    false,
    false,
    true,
    true,
  ])
  expect(['always', 'unless-stopped'].map(text => starts(text, true))).toEqual([true, false])
})
