// Writes docs/commands.md from the tables of commands and options: `scripts/bun scripts/generate-commands-doc.ts`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KnownOption } from '#cli/arguments.ts'
import { type CommandEntry, nouns, verbs } from '#cli/commands.ts'
import { globalOptions } from '#cli/global-options.ts'
import { knownOptions } from '#cli/parse.ts'

/** The whole page. */
export async function commandsDocument(): Promise<string> {
  const parts = [
    `# Commands

Generated from the tables in \`src/cli\` by \`scripts/generate-commands-doc.ts\`. An option that is listed as not implemented is refused by name; none is ignored. The exit status is 125 for a mistake in the call or a failure of tspod, 126 where a program cannot be run, 127 where it is not found, 128 and the signal's number where a signal ended it, else the program's own.

## Options of every command
${optionTables(knownOptions(globalOptions))}`,
  ]
  const shown = new Map<CommandEntry['load'], string>()
  for (const [name, entry] of Object.entries(verbs))
    if (entry.load !== undefined && entry.hidden !== true) {
      shown.set(entry.load, `tspod ${name}`)
      parts.push(await commandPart(`tspod ${name}`, entry))
    }
  for (const [noun, { summary, verbs }] of Object.entries(nouns)) {
    const working = Object.entries(verbs).filter(([, { load }]) => load !== undefined)
    if (working.length === 0) continue
    parts.push(`## tspod ${noun}\n${summary}.\n`)
    const same = working.filter(([, { load }]) => shown.has(load))
    if (same.length > 0)
      parts.push(
        `${same.map(([verb, { load }]) => `- \`tspod ${noun} ${verb}\`: see \`${shown.get(load)}\``).join('\n')}\n`,
      )
    for (const [verb, entry] of working.filter(([, { load }]) => !shown.has(load)))
      parts.push(await commandPart(`tspod ${noun} ${verb}`, entry))
  }
  const missing = [
    ...Object.entries(verbs).flatMap(([name, { load }]) => (load === undefined ? [name] : [])),
    ...Object.entries(nouns).flatMap(([noun, { verbs }]) => {
      const names = Object.keys(verbs)
      const later = names.filter(verb => verbs[verb]?.load === undefined)
      return later.length === names.length ? [noun] : later.map(verb => `${noun} ${verb}`)
    }),
  ]
  parts.push(`## Not implemented yet\n${missing.map(name => `\`${name}\``).join(', ')}.\n`)
  return parts.join('\n')
}

async function commandPart(name: string, entry: CommandEntry): Promise<string> {
  const spec = await entry.load?.()
  if (spec === undefined) return ''
  const names = entry.aliases === undefined ? '' : ` Also: ${entry.aliases.map(alias => `\`${alias}\``).join(', ')}.`
  const description = spec.description === undefined ? '' : `\n${spec.description}\n`
  const examples = (spec.examples ?? []).map(example => `tspod ${example}\n`).join('')
  return `## ${name}
${entry.summary}.${names} \`${name} ${spec.usage}\`
${description}${examples === '' ? '' : `\n\`\`\`\n${examples}\`\`\`\n`}${optionTables(knownOptions(spec.options))}`
}

function optionTables(options: KnownOption[]): string {
  const sorted = options.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const working = sorted.filter(({ spec }) => spec.refused === undefined)
  const refused = sorted.filter(({ spec }) => spec.refused !== undefined)
  const rows = working.map(option => `| ${optionCell(option)} | ${cell(descriptionOf(option))} |\n`).join('')
  const later = refused.map(option => `${optionCell(option)} (${option.spec.description})`).join(', ')
  const table = rows === '' ? '' : `\n| option | |\n| --- | --- |\n${rows}`
  return `${table}${later === '' ? '' : `\nNot implemented: ${later}.\n`}`
}

function descriptionOf({ spec }: KnownOption): string {
  return spec.choices === undefined ? spec.description : `${spec.description}: ${spec.choices.join(', ')}`
}

function optionCell({ name, spec }: KnownOption): string {
  const words = [...(spec.short === undefined ? [] : [`-${spec.short}`]), `--${name}`]
  for (const alias of spec.aliases ?? []) words.push(`--${alias}`)
  return `\`${cell(words.join(', '))}${spec.value === undefined ? '' : ` ${cell(spec.value)}`}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

if (import.meta.main) writeFileSync(join(import.meta.dir, '../docs/commands.md'), await commandsDocument())
