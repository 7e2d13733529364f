// The command line: finds the verb, loads its code, parses, runs it, and turns what comes of it into an exit status.
import { TspodError } from '#errors.ts'
import { type CommandEntry, findCommand, nouns, verbs } from './commands.ts'
import { reportError } from './errors.ts'
import { applyGlobals } from './global-options.ts'
import { print, printError } from './output.ts'
import { globalsOf, type ParsedLine, parseCommand, parseGlobals } from './parse.ts'
import { suggest } from './suggest.ts'

/** Runs one command line (without the program's name) and gives the exit status. Never throws. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    return await runLine(argv)
  } catch (error) {
    return await reportError(error)
  }
}

async function runLine(argv: readonly string[]): Promise<number> {
  const line = (argv[0] ?? '-').startsWith('-') ? parseGlobals(argv) : { values: {}, operands: [...argv], help: false }
  if (globalsOf(line).version === true) {
    const { systemVersion } = await import('#engine/system/version.ts')
    print(`tspod version ${systemVersion().Version}\n`)
    return 0
  }
  const [word, ...rest] = line.operands
  if (word === undefined || line.help) {
    const { rootHelp } = await import('./help.ts')
    if (line.help) print(rootHelp())
    else printError(rootHelp())
    return line.help ? 0 : 125
  }
  const noun = Object.hasOwn(nouns, word) ? nouns[word] : undefined
  if (noun === undefined) return runVerb(['tspod', word], findCommand(verbs, word), rest, line, Object.keys(verbs))
  const names = Object.keys(noun.verbs)
  if (names.length === 0) throw notThere(`tspod ${word}`)
  const [verb, ...others] = rest
  if (verb === undefined || verb === '--help' || verb === '-h') {
    const { nounHelp } = await import('./help.ts')
    if (verb !== undefined) print(nounHelp(word, noun))
    else {
      printError(nounHelp(word, noun))
      throw new TspodError('INVALID', `missing command 'tspod ${word} COMMAND'`)
    }
    return 0
  }
  return runVerb(['tspod', word, verb], findCommand(noun.verbs, verb), others, line, names)
}

async function runVerb(
  path: string[],
  entry: CommandEntry | undefined,
  argv: readonly string[],
  before: ParsedLine,
  known: readonly string[],
): Promise<number> {
  const name = path.join(' ')
  if (entry === undefined) throw unknownCommand(path, known)
  if (entry.load === undefined) throw notThere(name)
  const spec = await entry.load()
  let line: ParsedLine
  try {
    line = parseCommand(spec, argv)
  } catch (error) {
    if (!(error instanceof TspodError) || error.hint !== undefined) throw error
    throw new TspodError(error.code, error.message, { hint: `see '${name} --help'`, exitCode: 125 })
  }
  if (line.help) {
    const { commandHelp } = await import('./help.ts')
    print(commandHelp(name, entry.summary, spec))
    return 0
  }
  applyGlobals({ ...globalsOf(before), ...globalsOf(line) })
  return (await spec.run(line.values as never, line.operands)) ?? 0
}

function notThere(name: string): TspodError {
  return new TspodError('UNSUPPORTED', `${name} is not implemented yet`)
}

function unknownCommand(path: readonly string[], known: readonly string[]): TspodError {
  const near = suggest(
    path.at(-1) ?? '',
    known.filter(name => !name.startsWith('_')),
  )
  const meant = near.length === 0 ? '' : `\n\nDid you mean this?\n${near.map(name => `\t${name}\n`).join('')}`
  const outer = path.slice(0, -1).join(' ')
  return new TspodError('INVALID', `unrecognized command \`${path.join(' ')}\`${meant}`, {
    hint: `try '${outer} --help'`,
  })
}
