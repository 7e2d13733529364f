// `tspod help [COMMAND]`.
import { defineCommand, usageError } from '#cli/command.ts'
import { findCommand, nouns, verbs } from '#cli/commands.ts'
import { commandHelp, nounHelp, rootHelp } from '#cli/help.ts'
import { print } from '#cli/output.ts'

export const helpCommand = defineCommand({
  usage: '[COMMAND [COMMAND]]',
  options: {},
  operands: '[command...]',
  completes: ['commands'],
  async run(_, path) {
    const [word, verb] = path
    if (word === undefined) return print(rootHelp())
    const noun = Object.hasOwn(nouns, word) ? nouns[word] : undefined
    if (noun !== undefined && verb === undefined) return print(nounHelp(word, noun))
    const entry = findCommand(noun?.verbs ?? verbs, noun === undefined ? word : (verb ?? ''))
    const name = `tspod ${noun === undefined ? word : `${word} ${verb}`}`
    if (entry?.load === undefined) throw usageError(`unrecognized command \`${name}\``)
    return print(commandHelp(name, entry.summary, await entry.load()))
  },
})
