import { expect, test } from 'bun:test'
import { lookUp, scanArguments } from '#cli/arguments.ts'
import { flag, list, text } from '#cli/option.ts'

const table = {
  detach: flag('', { short: 'd' }),
  env: list('value', '', { short: 'e' }),
  interactive: flag('', { short: 'i' }),
  name: text('name', ''),
  network: text('mode', '', { aliases: ['net'] }),
  noHosts: flag(''),
  tty: flag('', { short: 't' }),
}
const scan = (line: string, stops = true) => {
  const words = line.split(' ').filter(word => word !== '')
  const { occurrences, operands, problem } = scanArguments(words, lookUp(table), stops)
  return problem ?? [...occurrences.map(({ option, text }) => `--${option.name}=${text}`), '|', ...operands].join(' ')
}

const cases: [string, string][] = [
  ['-it alpine sh', '--interactive=true --tty=true | alpine sh'],
  ['-dit alpine', '--detach=true --interactive=true --tty=true | alpine'],
  ['-ite A=b alpine', '--interactive=true --tty=true --env=A=b | alpine'],
  ['-iteA=b alpine', '--interactive=true --tty=true --env=A=b | alpine'],
  ['-e=A=b alpine', '--env=A=b | alpine'],
  ['-eA alpine', '--env=A | alpine'],
  ['--name web alpine', '--name=web | alpine'],
  ['--name=web alpine', '--name=web | alpine'],
  ['--name= alpine', '--name= | alpine'],
  ['--name --tty alpine', '--name=--tty | alpine'],
  ['--net host alpine', '--network=host | alpine'],
  ['--tty=false alpine', '--tty=false | alpine'],
  ['-t=false alpine', '--tty=false | alpine'],
  ['--no-hosts alpine', '--no-hosts=true | alpine'],
  ['alpine -it --name x', '| alpine -it --name x'],
  ['-- alpine -it', '| alpine -it'],
  ['- x', '| - x'],
  ['--noHosts alpine', 'unknown flag: --noHosts'],
  ['--nam x', 'unknown flag: --nam'],
  ['--', '|'],
  ['-ix alpine', "unknown shorthand flag: 'x' in -ix"],
  ['--name', 'flag needs an argument: --name'],
  ['-ie', "flag needs an argument: 'e' in -ie"],
]
for (const [line, wanted] of cases)
  test(`"${line}" is read as "${wanted}"`, () => {
    expect(scan(line)).toBe(wanted)
  })

test('options may follow arguments where nothing stops them', () => {
  expect(scan('web -t db -- -i', false)).toBe('--tty=true | web db -i')
})
