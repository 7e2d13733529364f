// Help texts, from the same tables the parser reads. Loaded only when someone asks for help.
import { Command, Option } from 'commander'
import type { KnownOption } from './arguments.ts'
import type { CommandSpec } from './command.ts'
import { type CommandEntry, type NounEntry, nouns, verbs } from './commands.ts'
import { globalOptions } from './global-options.ts'
import type { OptionTable } from './option.ts'
import { knownOptions } from './parse.ts'

/** `tspod --help`. */
export function rootHelp(): string {
  const command = page('tspod', '[options] [command]', 'Run containers from images, as a normal user, without a daemon')
  addOptions(command, globalOptions)
  addCommands(command, { ...verbs, ...nounsAsCommands() })
  return command.helpInformation()
}

/** `tspod image --help`. */
export function nounHelp(name: string, noun: NounEntry): string {
  const command = page(`tspod ${name}`, '[command]', noun.summary)
  addCommands(command, noun.verbs)
  return command.helpInformation()
}

/** `tspod run --help`. Options that are refused are left out; docs/commands.md has them all. */
export function commandHelp(name: string, summary: string, spec: CommandSpec): string {
  const command = page(name, spec.usage, spec.description ? `${summary}\n\n${spec.description}` : summary)
  addOptions(command, spec.options)
  const examples = (spec.examples ?? []).map(example => `  tspod ${example}\n`).join('')
  return command.helpInformation() + (examples === '' ? '' : `\nExamples:\n${examples}`)
}

/** How an option is written in help: `-e, --env variable`. */
function optionTerm({ name, spec }: KnownOption): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `
  return `${short}--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`
}

function page(name: string, usage: string, description: string): Command {
  const command = new Command(name).usage(usage).description(description).helpOption(false).helpCommand(false)
  return command.configureHelp({
    sortOptions: true,
    helpWidth: process.stdout.isTTY ? process.stdout.columns : 120,
    optionTerm: option => terms.get(option) ?? option.flags,
    subcommandTerm: sub => sub.name(),
  })
}

const terms = new WeakMap<Option, string>()

function addOptions(command: Command, table: OptionTable): void {
  for (const known of knownOptions(table).filter(({ spec }) => spec.refused === undefined)) {
    const option = new Option(`--${known.name}`, known.spec.description)
    option.negate = false
    terms.set(option, optionTerm(known))
    command.addOption(option)
  }
}

function addCommands(command: Command, entries: Record<string, CommandEntry>): void {
  for (const name of Object.keys(entries).sort()) {
    const entry = entries[name]
    if (entry?.load !== undefined && entry.hidden !== true) command.command(name).description(entry.summary)
  }
}

/** Those nouns that have a verb which works, as if they were commands. */
function nounsAsCommands(): Record<string, CommandEntry> {
  const working = Object.entries(nouns).filter(([, noun]) => Object.values(noun.verbs).some(verb => verb.load))
  return Object.fromEntries(
    working.map(([name, noun]) => [name, { summary: noun.summary, load: () => Promise.reject(new Error(name)) }]),
  )
}
