import { expect, test } from 'bun:test'
import { GoTime, withTimes } from '#cli/format/go-time.ts'
import { compileTemplate } from '#cli/format/template/template.ts'

const time = '2023-03-05T04:05:06.120400789Z'

test('a time prints as Go prints it, and as its text in JSON', () => {
  const data = withTimes(
    { State: { StartedAt: time, FinishedAt: '0001-01-01T00:00:00Z' }, Name: time },
    new Set(['StartedAt', 'FinishedAt']),
  )
  expect(compileTemplate('{{.State.StartedAt}}|{{.State.FinishedAt}}|{{.Name}}|{{json .State.StartedAt}}')(data)).toBe(
    `2023-03-05 04:05:06.120400789 +0000 UTC|0001-01-01 00:00:00 +0000 UTC|${time}|"${time}"`,
  )
})

test('trailing zeros of the fraction are left out', () => {
  expect(new GoTime('2023-03-05T04:05:06.120000000Z').toString()).toBe('2023-03-05 04:05:06.12 +0000 UTC')
  expect(new GoTime('2023-03-05T04:05:06+02:00').toString()).toBe('2023-03-05 04:05:06 +0200 +0200')
})

test('its methods answer', () => {
  expect(compileTemplate('{{.Unix}} {{.IsZero}} {{.Format "2006-01-02"}}')(new GoTime(time))).toBe(
    '1677989106 false 2023-03-05',
  )
})

const layouts: [string, string][] = [
  ['Mon Jan _2 15:04:05 2006', 'Sun Mar  5 04:05:06 2023'],
  ['2006-01-02T15:04:05Z07:00', '2023-03-05T04:05:06Z'],
  ['2006-01-02T15:04:05.999999999Z07:00', '2023-03-05T04:05:06.120400789Z'],
  ['15:04:05.000', '04:05:06.120'],
  ['3:04PM Monday, January 2', '4:05AM Sunday, March 5'],
  ['02/01/06 -0700 MST', '05/03/23 +0000 UTC'],
]
for (const [layout, wanted] of layouts)
  test(`${layout} makes ${wanted}`, () => {
    expect(new GoTime(time).Format(layout)).toBe(wanted)
  })
