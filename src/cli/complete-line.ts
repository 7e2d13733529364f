// Finds out what the last word of an unfinished command line may be, from the tables of commands and options.

import { type KnownOption, lookUp, type OptionLookup } from './arguments.ts'
import type { CommandSpec } from './command.ts'
import { type CommandEntry, findCommand, nouns, verbs } from './commands.ts'
import { globalOptions } from './global-options.ts'
import type { Completion, OptionTable } from './option.ts'
import { knownOptions } from './parse.ts'

export interface Candidate {
  word: string
  about?: string
}

export interface Possible {
  candidates: Candidate[]
  /** what else may stand there */
  kind?: Completion
}

/** `words` are all after `tspod`, the last one being typed (perhaps empty). */
export async function completeLine(words: readonly string[]): Promise<Possible> {
  const before = walk(words, [globalOptions], true)
  if (before.end !== undefined) return before.end
  const [word = '', ...rest] = before.operands
  if (rest.length === 0) return { candidates: commandNames({ ...verbs, ...nounEntries() }) }
  const noun = Object.hasOwn(nouns, word) ? nouns[word] : undefined
  if (noun !== undefined && rest.length === 1) return { candidates: commandNames(noun.verbs) }
  const entry = noun === undefined ? findCommand(verbs, word) : findCommand(noun.verbs, rest[0] ?? '')
  if (entry?.load === undefined) return { candidates: [], kind: 'none' }
  const spec = await entry.load()
  return completeCommand(spec, noun === undefined ? rest : rest.slice(1), word)
}

function completeCommand(spec: CommandSpec, words: readonly string[], name: string): Possible {
  const line = walk(words, [spec.options, globalOptions], spec.stopsAtOperand ?? false)
  if (line.end !== undefined) return line.end
  if (name === 'completion') return { candidates: ['bash', 'zsh', 'fish'].map(word => ({ word })) }
  if (name === 'help') return { candidates: commandNames({ ...verbs, ...nounEntries() }) }
  const kinds = spec.completes ?? []
  const kind = kinds[Math.min(line.operands.length, kinds.length) - 1]
  // the command inside a container is completed by nobody, but folders of this machine may be what is meant
  return kind === undefined ? { candidates: [], kind: 'none' } : { candidates: [], kind }
}

/** Reads up to the last word: what it may be where it belongs to an option, else the operands so far and itself. */
function walk(
  words: readonly string[],
  tables: OptionTable[],
  stopsAtOperand: boolean,
): { operands: string[]; end?: Possible } {
  const options = lookUp(...tables)
  const operands: string[] = []
  const last = words.length - 1
  for (let at = 0; at <= last; at++) {
    const word = words[at] ?? ''
    if (word === '--' && at < last) return { operands: [...operands, ...words.slice(at + 1)] }
    if (!word.startsWith('-') || (word === '-' && at < last)) {
      if (stopsAtOperand) return { operands: words.slice(at) }
      operands.push(word)
      continue
    }
    if (at === last) return { operands, end: optionWord(word, tables.flatMap(knownOptions)) }
    const option = word.startsWith('--') ? options.long(word.slice(2)) : valueTaker(word, options)
    if (option?.spec.value === undefined) continue
    if (at + 1 === last) return { operands, end: valueOf(option, '') }
    at++
  }
  return { operands }
}

/** The option of a bundle `-it`, `-v` that takes the next word as its value. */
function valueTaker(word: string, options: OptionLookup): KnownOption | undefined {
  for (let at = 1; at < word.length; at++) {
    const option = options.short(word[at] ?? '')
    if (option?.spec.value !== undefined) return at === word.length - 1 ? option : undefined
  }
  return undefined
}

function optionWord(word: string, known: KnownOption[]): Possible {
  const equals = word.indexOf('=')
  const option = equals === -1 ? undefined : known.find(({ name }) => word.startsWith(`--${name}=`))
  if (option !== undefined) return valueOf(option, `--${option.name}=`)
  const working = known.filter(({ spec }) => spec.refused === undefined)
  return {
    candidates: working.map(({ name, spec }) => ({ word: `--${name}`, about: spec.description })),
    kind: 'none',
  }
}

function valueOf({ spec }: KnownOption, prefix: string): Possible {
  const candidates = (spec.choices ?? []).map(word => ({ word: prefix + word }))
  return { candidates, kind: spec.completes ?? (spec.choices === undefined ? 'files' : 'none') }
}

function commandNames(entries: Record<string, CommandEntry>): Candidate[] {
  const shown = Object.entries(entries).filter(([, entry]) => entry.load !== undefined && entry.hidden !== true)
  return shown.map(([word, { summary }]) => ({ word, about: summary })).sort((a, b) => (a.word < b.word ? -1 : 1))
}

function nounEntries(): Record<string, CommandEntry> {
  const working = Object.entries(nouns).filter(([, noun]) => Object.values(noun.verbs).some(verb => verb.load))
  return Object.fromEntries(
    working.map(([name, { summary }]) => [name, { summary, load: () => Promise.reject(new Error(name)) }]),
  )
}
