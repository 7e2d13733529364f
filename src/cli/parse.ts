// From words to typed values. commander writes the help (help.ts); here it would cost every start 4 ms (docs/decisions/command-line.md).
import { type KnownOption, lookUp, scanArguments } from './arguments.ts'
import { type CommandSpec, usageError } from './command.ts'
import { globalOptions } from './global-options.ts'
import { keyOf, longName, type OptionTable, type Values } from './option.ts'

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
  return parseLine([...argv], { operands: '[verb...]', stopsAtOperand: true }, [globalOptions])
}

/** Everything after the verb; global options may stand there too. Usage errors end with 125. */
export function parseCommand(spec: CommandSpec, argv: readonly string[]): ParsedLine {
  return parseLine(argv, spec, [spec.options, globalOptions])
}

/** The part of a line's values that belongs to the global options. */
export function globalsOf(line: ParsedLine): Values<typeof globalOptions> {
  return line.values as Values<typeof globalOptions>
}

function parseLine(
  argv: readonly string[],
  shape: Pick<CommandSpec, 'operands' | 'stopsAtOperand'>,
  tables: OptionTable[],
): ParsedLine {
  const scan = scanArguments(argv, lookUp(...tables), shape.stopsAtOperand ?? false)
  if (scan.occurrences.some(({ option }) => option.name === 'help'))
    return { values: {}, operands: scan.operands, help: true }
  if (scan.problem !== undefined) throw usageError(scan.problem)
  const values: Record<string, unknown> = {}
  for (const { option, text } of scan.occurrences) {
    const key = keyOf(option.name)
    values[key] = option.spec.parse(text, values[key], flagName(option))
  }
  const problem = arityProblem(shape.operands, scan.operands.length)
  if (problem !== undefined) throw usageError(problem)
  return { values, operands: scan.operands, help: false }
}

/** How messages call an option: `-l, --label`. */
function flagName({ name, spec }: KnownOption): string {
  return spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`
}

/** What is wrong with that many arguments, in the words of Podman's users; `operands` are `<image> [command...]`. */
function arityProblem(operands: string, count: number): string | undefined {
  const words = operands.split(' ').filter(word => word !== '')
  const least = words.filter(word => word.startsWith('<')).length
  const most = operands.includes('...') ? Number.POSITIVE_INFINITY : words.length
  if (count >= least && count <= most) return undefined
  if (least === most) return `accepts ${least} arg(s), received ${count}`
  if (count < least) return `requires at least ${least} arg(s), only received ${count}`
  return `accepts at most ${most} arg(s), received ${count}`
}
