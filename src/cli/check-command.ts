// Whether this program would understand a command line that others will call it with.
import { usageError } from './command.ts'
import { findCommand, nouns, verbs } from './commands.ts'
import { parseCommand, parseGlobals } from './parse.ts'

/** Throws what the command line itself would: UNSUPPORTED for what is refused by name, INVALID for what is unknown. */
export async function checkCommandLine(argv: readonly string[]): Promise<void> {
  const [word = '', ...rest] = parseGlobals(argv).operands
  const noun = Object.hasOwn(nouns, word) ? nouns[word] : undefined
  const entry = noun === undefined ? findCommand(verbs, word) : findCommand(noun.verbs, rest[0] ?? '')
  const spec = await entry?.load?.()
  if (spec === undefined) throw usageError(`unrecognized command \`tspod ${argv.join(' ')}\``)
  parseCommand(spec, noun === undefined ? rest : rest.slice(1))
}
