import { expect, test } from 'bun:test'
import {
  parseContainerFilters,
  parseEventFilters,
  parseImageFilters,
  parsePruneFilters,
  parseVolumeFilters,
} from '#cli/filters.ts'

test('container filters become data', () => {
  expect(
    parseContainerFilters(['name=web', 'label=app', 'label=app=a=b', 'label!=x', 'status=stopped', 'exited=137']),
  ).toEqual([
    { key: 'name', value: 'web' },
    { key: 'label', name: 'app', not: false },
    { key: 'label', name: 'app', value: 'a=b', not: false },
    { key: 'label', name: 'x', not: true },
    { key: 'status', status: 'exited' },
    { key: 'exited', code: 137 },
  ])
})

test('until takes a duration before now or a time', () => {
  const [ago, fixed] = parseContainerFilters(['until=1h', 'until=1970-01-01T00:00:10Z'])
  expect(ago).toMatchObject({ key: 'until' })
  expect(Math.abs(Date.now() - 3_600_000 - (ago as { beforeMs: number }).beforeMs)).toBeLessThan(5000)
  expect(fixed).toEqual({ key: 'until', beforeMs: 10_000 })
})

test('the other kinds have their own keys', () => {
  expect(parseImageFilters(['dangling=true', 'reference=*alp*'])).toEqual([
    { key: 'dangling', value: true },
    { key: 'reference', value: '*alp*' },
  ])
  expect(parseVolumeFilters(['dangling=0', 'label!=keep'])).toEqual([
    { key: 'dangling', value: false },
    { key: 'label', name: 'keep', not: true },
  ])
  expect(parseEventFilters(['event=died'])).toEqual([{ key: 'event', value: 'died' }])
})

const wrong: [string, (texts: string[]) => unknown, string][] = [
  ['name', parseContainerFilters, 'parsing --filter "name": must be of the form KEY=VALUE'],
  ['=x', parseContainerFilters, 'parsing --filter "=x": must be of the form KEY=VALUE'],
  ['foo=x', parseContainerFilters, '"foo" is an invalid filter'],
  ['status=dead', parseContainerFilters, 'the status is "dead", must be one of'],
  ['exited=x', parseContainerFilters, 'the exit status is "x", must be a number'],
  ['until=never', parseContainerFilters, 'parsing --filter until "never"'],
  ['dangling=perhaps', parseImageFilters, 'must be true or false'],
  ['name=x', parsePruneFilters, '"name" is an invalid filter'],
  ['foo=x', parseVolumeFilters, '"foo" is an invalid filter'],
]
for (const [text, parse, message] of wrong)
  test(`--filter ${text} is refused: ${message}`, () => {
    expect(() => parse([text])).toThrow(message)
  })
