import { expect, test } from 'bun:test'
import { SubstitutionError, substitute, substituteText, substituteWords } from '#build/parse/substitute.ts'

const values: Record<string, string> = { A: 'one', E: '', P: '/a/b/c.tar.gz', S: 'x  y' }
const look = (name: string): string | undefined => values[name]

const cases: [string, string][] = [
  ['$A', 'one'],
  ['${A}b$E', 'oneb'],
  ['\\$A', '$A'],
  ["'$A'", '$A'],
  ['"$A"', 'one'],
  ['"a\\"b\\n"', 'a"b\\n'],
  ['a\\ b', 'a b'],
  ['$', '$'],
  ['$NONE', ''],
  ['${E:-x}', 'x'],
  ['${E-x}', ''],
  ['${N-x}', 'x'],
  ['${A:+y}', 'y'],
  ['${E:+y}', ''],
  ['${E+y}', 'y'],
  ['${N:-${A}z}', 'onez'],
  ['${P#*/}', 'a/b/c.tar.gz'],
  ['${P##*/}', 'c.tar.gz'],
  ['${P%.*}', '/a/b/c.tar'],
  ['${P%%.*}', '/a/b/c'],
  ['${P/b/B}', '/a/B/c.tar.gz'],
  ['${P//a/A}', '/A/b/c.tAr.gz'],
  ['${P//\\//_}', '_a_b_c.tar.gz'],
]
for (const [text, wanted] of cases)
  test(`substitute() makes ${text} "${wanted}"`, () => expect(substitute(text, look)).toBe(wanted))

test('substitute() takes the backtick as the escape character where the file says so', () => {
  expect(substitute('C:\\x`$A', look, '`')).toBe('C:\\x$A')
})

for (const text of ['${A', '${}', '${A!b}', '"open', "'open"])
  test(`substitute() refuses ${text}`, () => expect(() => substitute(text, look)).toThrow(SubstitutionError))

test('${A:?text} stops with its text where the variable is empty', () => {
  expect(() => substitute('${E:?must be set}', look)).toThrow('E: must be set')
  expect(substitute('${A:?must be set}', look)).toBe('one')
})

test('substituteWords() parts words at blanks of values, unless they are quoted', () => {
  expect(substituteWords('$S "$S" z$A', look)).toEqual(['x', 'y', 'x  y', 'zone'])
})

test('substituteText() keeps quotes of a document', () => {
  expect(substituteText(`"$A" 'it' \\$A \\n`, look)).toBe(`"one" 'it' $A \\n`)
})
