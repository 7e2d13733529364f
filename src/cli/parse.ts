// From words to typed values: registers with commander only those options of a table that occur, and has it parse.
import { Command, CommanderError, Option } from 'commander'
import { type KnownOption, lookUp, scanArguments } from './arguments.ts'
import { type CommandSpec, usageError } from './command.ts'
import { globalOptions } from './global-options.ts'
import { longName, type OptionTable, type Values } from './option.ts'

export interface ParsedLine {
  values: Record<string, unknown>
  operands: string[]
  /** `--help` occurs where options may stand */
  help: boolean
}

/** The known options of a table, by their names on the command line. */
export function knownOptions(table: OptionTable): KnownOption[] {
  return Object.entries(table).map(([key, spec]) => ({ name: longName(key), spec }))
}

/** Options before the verb. What follows the last of them are the operands. */
export function parseGlobals(argv: readonly string[]): ParsedLine {
  return parseLine('tspod', [...argv], { operands: '[verb...]', stopsAtOperand: true }, [globalOptions])
}

/** Everything after the verb; global options may stand there too. Usage errors end with 125. */
export function parseCommand(name: string, spec: CommandSpec, argv: readonly string[]): ParsedLine {
  return parseLine(name, argv, spec, [spec.options, globalOptions])
}

/** The part of a line's values that belongs to the global options. */
export function globalsOf(line: ParsedLine): Values<typeof globalOptions> {
  return line.values as Values<typeof globalOptions>
}

function parseLine(
  name: string,
  argv: readonly string[],
  shape: Pick<CommandSpec, 'operands' | 'stopsAtOperand'>,
  tables: OptionTable[],
): ParsedLine {
  const scan = scanArguments(argv, lookUp(...tables), shape.stopsAtOperand ?? false)
  if (scan.used.some(option => option.name === 'help')) return { values: {}, operands: scan.operands, help: true }
  if (scan.problem !== undefined) throw usageError(scan.problem)
  const command = new Command(name)
    .exitOverride()
    .helpOption(false)
    .configureOutput({ outputError: () => {} })
    .allowExcessArguments(false)
  if (shape.operands !== '') command.arguments(shape.operands)
  for (const option of scan.used) command.addOption(commanderOption(option))
  try {
    command.parse([...scan.tokens, '--', ...scan.operands], { from: 'user' })
  } catch (error) {
    throw error instanceof CommanderError ? usageError(arityProblem(shape.operands, scan.operands.length)) : error
  }
  return { values: command.opts(), operands: command.args, help: false }
}

/** How messages call an option: `-l, --label`. */
function flagName({ name, spec }: KnownOption): string {
  return spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`
}

function commanderOption(known: KnownOption): Option {
  const option = new Option(`--${known.name} <value>`)
  // commander would read `--no-trunc` as the opposite of a `--trunc`
  option.negate = false
  const flag = flagName(known)
  return option.argParser((text, before: unknown) => known.spec.parse(text, before, flag))
}

function arityProblem(operands: string, count: number): string {
  const words = operands.split(' ').filter(word => word !== '')
  const least = words.filter(word => word.startsWith('<')).length
  if (words.some(word => word.includes('...'))) return `requires at least ${least} arg(s), only received ${count}`
  if (words.length === least) return `accepts ${least} arg(s), received ${count}`
  if (count < least) return `requires at least ${least} arg(s), only received ${count}`
  return `accepts at most ${words.length} arg(s), received ${count}`
}
