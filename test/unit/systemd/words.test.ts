import { expect, test } from 'bun:test'
import { parseCsv, writeCsv } from '#systemd/csv.ts'
import { joinWords, splitWords } from '#systemd/words.ts'

test.each([
  ['a  b\tc', ['a', 'b', 'c']],
  ['"a b" c', ['a b', 'c']],
  ['\'a "b"\' x', ['a "b"', 'x']],
  ['FOO="bar baz"x', ['FOO=bar bazx']],
  ['""', ['']],
  ['a\\sb \\x41\\102\\u00e9 \\t', ['a b', 'ABé', '\t']],
  ['\\"q\\" \\q', ['"q"', '\\q']],
  ['"open end', ['open end']],
  ['', []],
])('splitWords(%p) gives the words', (text, words) => expect(splitWords(text)).toEqual(words))

test('splitWords() with raw escapes keeps backslashes', () =>
  expect(splitWords('a\\ b "c d" \\x41', 'raw')).toEqual(['a\\ b', 'c d', '\\x41']))

test('joinWords() quotes what systemd would split or unescape, and leaves specifiers and variables', () => {
  const words = ['sh', '-c', 'echo "x" \\ $HOME', '', '%t/x', "it's", 'a\nb', 'tab\there', '\u0001']
  const line = joinWords(words)
  expect(line).toBe('sh -c "echo \\"x\\" \\\\ $HOME" "" %t/x "it\'s" "a\\nb" "tab\\there" "\\x01"')
  expect(splitWords(line)).toEqual(words)
})

test('parseCsv() and writeCsv() keep commas and quotes', () => {
  const fields = ['type=bind', 'source=/a,b', 'x="y"', '']
  expect(writeCsv(fields)).toBe('type=bind,"source=/a,b","x=""y""",')
  expect(parseCsv('type=bind,"source=/a,b","x=""y"""')).toEqual(fields.slice(0, 3))
})
