import { expect, test } from 'bun:test'
import { formatYaml } from '#cli/format/yaml.ts'

test('objects, lists and scalars in block style', () => {
  expect(
    formatYaml({
      host: { arch: 'amd64', cpus: 2, none: null, empty: {}, lists: ['a', 'b'], nothing: [], deep: [{ a: 1, b: [2] }] },
      ok: true,
    }),
  ).toBe(`host:
  arch: amd64
  cpus: 2
  none: null
  empty: {}
  lists:
  - a
  - b
  nothing: []
  deep:
  - a: 1
    b:
    - 2
ok: true
`)
})

test('texts that a reader would take for something else are quoted', () => {
  const texts = ['true', '1.5', '', 'a: b', '- x', '#c', ' x', 'no', 'null', '0x1', '"', "it's", '@a', '.5', '1e3']
  for (const text of texts) expect(Bun.YAML.parse(formatYaml({ a: text }))).toEqual({ a: text })
})

test('texts of several lines keep them', () => {
  const data = { version: 'one 1.0\n+two: x\n\nthree', next: 1 }
  expect(formatYaml(data)).toStartWith('version: |-\n  one 1.0\n')
  expect(Bun.YAML.parse(formatYaml(data))).toEqual(data)
  expect(Bun.YAML.parse(formatYaml({ a: 'ends\n' }))).toEqual({ a: 'ends\n' })
})
