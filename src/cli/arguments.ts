// Reads a command line by Podman's rules (those of its flag library), without knowing what the options mean. Pure.
import { keyOf, longName, type OptionSpec, type OptionTable } from './option.ts'

export interface KnownOption {
  /** its long name, without the dashes */
  name: string
  spec: OptionSpec
}

export interface OptionLookup {
  long(name: string): KnownOption | undefined
  short(letter: string): KnownOption | undefined
}

export interface Occurrence {
  option: KnownOption
  text: string
}

export interface ArgumentScan {
  /** options in order with the text each was given; flags have `true` or `false` */
  occurrences: Occurrence[]
  operands: string[]
  /** an option nobody knows or that lacks its value, as the user's words */
  problem?: string
}

/**
 * Tells options, their values and operands apart. `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`,
 * bundles `-itv x`, flags `--rm=false`, `--` ends options, and so does the first operand where `stopsAtOperand`.
 */
export function scanArguments(argv: readonly string[], known: OptionLookup, stopsAtOperand: boolean): ArgumentScan {
  const scan: ArgumentScan = { occurrences: [], operands: [] }
  const note = (option: KnownOption, text: string) => void scan.occurrences.push({ option, text })
  for (let at = 0; at < argv.length && scan.problem === undefined; at++) {
    const word = argv[at] ?? ''
    if (word === '--') {
      scan.operands.push(...argv.slice(at + 1))
      break
    }
    if (word.length < 2 || !word.startsWith('-')) {
      if (stopsAtOperand) {
        scan.operands.push(...argv.slice(at))
        break
      }
      scan.operands.push(word)
    } else if (word.startsWith('--')) at += scanLong(word, argv[at + 1])
    else at += scanBundle(word, argv[at + 1])
  }
  return scan

  /** How many further words the option took. */
  function scanLong(word: string, next: string | undefined): number {
    const equals = word.indexOf('=')
    const name = word.slice(2, equals === -1 ? undefined : equals)
    const option = known.long(name)
    if (option === undefined) scan.problem = `unknown flag: --${name}`
    else if (equals !== -1) note(option, word.slice(equals + 1))
    else if (option.spec.value === undefined) note(option, 'true')
    else if (next === undefined) scan.problem = `flag needs an argument: --${name}`
    else {
      note(option, next)
      return 1
    }
    return 0
  }

  function scanBundle(word: string, next: string | undefined): number {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] ?? ''
      const option = known.short(letter)
      if (option === undefined) {
        scan.problem = `unknown shorthand flag: '${letter}' in ${word}`
        return 0
      }
      const rest = word.slice(at + 1)
      if (rest.startsWith('=')) {
        note(option, rest.slice(1))
        return 0
      }
      if (option.spec.value === undefined) note(option, 'true')
      else if (rest !== '') {
        note(option, rest)
        return 0
      } else if (next === undefined) scan.problem = `flag needs an argument: '${letter}' in ${word}`
      else {
        note(option, next)
        return 1
      }
    }
    return 0
  }
}

/** Finds options in tables, earlier ones first; `help` is known to all, `-h` where no table has it. */
export function lookUp(...tables: OptionTable[]): OptionLookup {
  const all = [...tables, helpTable]
  return {
    long: name => {
      // run has 150 options: look at the others' names only for an alias
      const key = keyOf(name)
      if (longName(key) !== name) return undefined
      const table = all.find(each => Object.hasOwn(each, key))
      return known(table?.[key], name) ?? findOption(all, spec => spec.aliases?.includes(name) ?? false)
    },
    short: letter => findOption(all, spec => spec.short === letter),
  }
}

const helpTable: OptionTable = { help: { description: 'Show this help', short: 'h', parse: text => text } }

function known(spec: OptionSpec | undefined, name: string): KnownOption | undefined {
  return spec === undefined ? undefined : { name, spec }
}

function findOption(tables: OptionTable[], fits: (spec: OptionSpec) => boolean): KnownOption | undefined {
  for (const table of tables)
    for (const key in table) {
      const spec = table[key]
      if (spec !== undefined && fits(spec)) return { name: longName(key), spec }
    }
  return undefined
}
