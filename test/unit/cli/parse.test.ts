import { expect, test } from 'bun:test'
import { defineCommand } from '#cli/command.ts'
import { choice, commas, flag, integer, list, text } from '#cli/option.ts'
import { parseCommand } from '#cli/parse.ts'

const command = (operands: string, stopsAtOperand = false) =>
  defineCommand({
    usage: '',
    options: {
      cap: commas('name', ''),
      env: list('value', '', { short: 'e' }),
      last: integer('', -1, { short: 'n' }),
      noTrunc: flag(''),
      pull: choice(['always', 'never'], ''),
      rm: flag(''),
      workdir: text('folder', '', { short: 'w' }),
    },
    operands,
    stopsAtOperand,
    run: () => Promise.resolve(0),
  })
const parse = (line: string[], operands = '[name...]', stops = false) => parseCommand(command(operands, stops), line)

test('values have the types their options say, and absent options are absent', () => {
  expect(parse(['--no-trunc', '-n', '-1', '--rm=false', '-w', '/x']).values).toEqual({
    noTrunc: true,
    last: -1,
    rm: false,
    workdir: '/x',
  })
})

test('lists are taken whole, commas split, quotes kept together, and both accumulate', () => {
  const { values } = parse(['-e', 'A=1,2', '-e', 'B', '--cap', 'a,b', '--cap', '"c,d",e'])
  expect(values).toEqual({ env: ['A=1,2', 'B'], cap: ['a', 'b', 'c,d', 'e'] })
})

test('global options may follow the verb', () => {
  expect(parse(['--root', '/store', 'x']).values).toEqual({ root: '/store' })
})

test('arguments after the first one belong to the command inside', () => {
  const line = parse(['--rm', 'alpine', 'ls', '-la', '--rm=x', '--', '--help'], '<image> [command...]', true)
  expect(line.operands).toEqual(['alpine', 'ls', '-la', '--rm=x', '--', '--help'])
  expect(line.help).toBe(false)
})

test('--help and -h are found among options only', () => {
  expect(parse(['--rm', '--help']).help).toBe(true)
  expect(parse(['-h']).help).toBe(true)
  expect(parse(['--workdir', '--help']).help).toBe(false)
})

const wrong: [string[], string, string][] = [
  [[], '<image> [command...]', 'requires at least 1 arg(s), only received 0'],
  [['a'], '<a> <b>', 'accepts 2 arg(s), received 1'],
  [['a', 'b'], '[name]', 'accepts at most 1 arg(s), received 2'],
  [['--rm=maybe'], '', 'invalid argument "maybe" for "--rm" flag: must be true or false'],
  [['-n', 'x'], '', 'invalid argument "x" for "-n, --last" flag: must be a whole number from -1'],
  [['-n', '-2'], '', 'invalid argument "-2" for "-n, --last" flag: must be a whole number from -1'],
  [['--last=1e3'], '', 'invalid argument "1e3" for "-n, --last" flag: must be a whole number from -1'],
  [['--pull=x'], '', '"x" is not a valid value.  Choose from: "always, never"'],
]
for (const [line, operands, message] of wrong)
  test(`"${line.join(' ')}" is refused: ${message}`, () => {
    expect(() => parse(line, operands)).toThrow(message)
  })
