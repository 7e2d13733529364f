import { expect, test } from 'bun:test'
import { headingOf, renderRows, wantsJson } from '#cli/format/report.ts'

const shape = { fields: ['ID', 'Names', 'CreatedAt'], headings: { ID: 'CONTAINER ID' } }
const rows = [
  { ID: 'abc', Names: 'web', CreatedAt: 'then', Labels: { a: 'b' } },
  { ID: 'def', Names: 'a name of eighteen', CreatedAt: 'now', Labels: {} },
]

test('each row fills the template in, a line each', () => {
  expect(renderRows('{{.Names}}:{{.ID}}', rows, shape)).toBe('web:abc\na name of eighteen:def\n')
})

test('\\t and \\n of a quoted format are tabs and newlines, except within actions', () => {
  expect(renderRows('{{.ID}}\\t{{printf "%s\\t" .Names}}', rows.slice(0, 1), shape)).toBe('abc\tweb\t\n')
})

test('table has headings, and aligns', () => {
  expect(renderRows('table {{.ID}} {{ .Names }}\\t{{.CreatedAt}}', rows, shape)).toBe(
    'CONTAINER ID  NAMES               CREATED AT\nabc           web                 then\ndef           a name of eighteen  now\n',
  )
})

test('table without rows is its headings, and they can be left out', () => {
  expect(renderRows('table {{.ID}}', [], shape)).toBe('CONTAINER ID\n')
  expect(renderRows('table {{.ID}}', rows, { ...shape, noHeading: true })).toBe('abc\ndef\n')
})

test('a template that ranges itself gets all rows', () => {
  expect(renderRows('{{range .}}{{.ID}},{{end}}', rows, shape)).toBe('abc,def,\n')
  expect(renderRows('{{- range $index, $row := . -}} {{$index}}{{.ID}} {{end}}', rows, shape)).toBe('0abc 1def \n')
})

test('json asks for JSON, a template with json in it does not', () => {
  expect(['json', '{{json}}', '{{ json }}', '{{json .}}', '{{.ID}}', undefined].map(wantsJson)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})

test('headings are the words of a field', () => {
  expect(['CreatedAt', 'ID', 'ImageID', 'RunningFor'].map(headingOf)).toEqual([
    'CREATED AT',
    'ID',
    'IMAGE ID',
    'RUNNING FOR',
  ])
})
