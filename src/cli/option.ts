// The words commands describe their options in: each command has one table, from which parsing, help, completion and
// docs/commands.md come. Pure.
import { TspodError } from '#errors.ts'

/** What the shell may complete a value to. */
export type Completion =
  | 'containers'
  | 'running'
  | 'images'
  | 'volumes'
  | 'networks'
  | 'pods'
  | 'files'
  | 'folders'
  | 'commands'
  | 'none'

export interface OptionSpec<V = unknown> {
  description: string
  /** one letter */
  short?: string
  /** how help calls the value; absent for a flag */
  value?: string
  /** other long names */
  aliases?: readonly string[]
  /** known to Podman, not there yet: the rest of the sentence why, shown in docs and as a hint */
  refused?: string
  choices?: readonly string[]
  completes?: Completion
  /** Adds one occurrence to what came before it. `flag` is how messages call the option. Throws INVALID or UNSUPPORTED. */
  parse(text: string, before: V | undefined, flag: string): V | undefined
}

/** Options by name in camelCase: `noTrunc` is `--no-trunc`. */
export type OptionTable = Record<string, OptionSpec>

/** What was given: absent options are `undefined`. */
export type Values<T extends OptionTable> = { [K in keyof T]: T[K] extends OptionSpec<infer V> ? V | undefined : never }

type More<V> = Partial<Omit<OptionSpec<V>, 'description' | 'parse' | 'value'>>

/** `noTrunc` to `no-trunc`. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, c => `-${c.toLowerCase()}`)
}

/** `no-trunc` to `noTrunc`. */
export function keyOf(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** An option without a value; `--rm=false` takes it back. */
export function flag(description: string, more: More<boolean> = {}): OptionSpec<boolean> {
  return { description, ...more, parse: (text, _, flag) => parseBoolean(text, flag) }
}

/** An option with one text; the last one counts. */
export function text(value: string, description: string, more: More<string> = {}): OptionSpec<string> {
  return { description, value, ...more, parse: given => given }
}

/** An option that may be repeated, each text taken whole. */
export function list(value: string, description: string, more: More<string[]> = {}): OptionSpec<string[]> {
  return { description, value, ...more, parse: (given, before = []) => [...before, given] }
}

/** An option that may be repeated, each text a comma-separated list; `"a,b"` keeps its comma. */
export function commas(value: string, description: string, more: More<string[]> = {}): OptionSpec<string[]> {
  return { description, value, ...more, parse: (given, before = []) => [...before, ...splitCommas(given)] }
}

/** A whole number from `least` to `most`. */
export function integer(
  description: string,
  least = 0,
  more: More<number> & { most?: number } = {},
): OptionSpec<number> {
  const { most = Number.MAX_SAFE_INTEGER, ...rest } = more
  const wanted = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  const parse = (given: string, _: unknown, flag: string) => {
    const number = /^[+-]?\d{1,16}$/.test(given) ? Number(given) : Number.NaN
    if (number >= least && number <= most) return number
    throw invalidValue(given, flag, `must be a whole number ${wanted}`)
  }
  return { description, value: 'number', ...rest, parse }
}

/** One of a few words. */
export function choice<const C extends string>(
  choices: readonly C[],
  description: string,
  more: More<C> = {},
): OptionSpec<C> {
  const parse = (given: string, _: unknown, flag: string) => {
    const found = choices.find(each => each === given)
    if (found === undefined)
      throw invalidValue(given, flag, `"${given}" is not a valid value.  Choose from: "${choices.join(', ')}"`)
    return found
  }
  return { description, value: 'choice', choices, ...more, parse }
}

/** An option whose every text goes through a parser of its own. */
export function parsed<V>(
  value: string,
  description: string,
  parse: (text: string, flag: string) => V,
  more: More<V> = {},
): OptionSpec<V> {
  return { description, value, ...more, parse: (given, _, flag) => parse(given, flag) }
}

/** A known option that is refused by name; `harmless` are the values that ask for nothing (`--restart=no`). */
export function refused(
  value: string,
  reason: string,
  more: Pick<OptionSpec, 'short' | 'aliases'> & { harmless?: readonly string[] } = {},
): OptionSpec<never> {
  const { harmless = [], ...rest } = more
  const parse = (given: string, _: unknown, flag: string): undefined => {
    if (harmless.includes(given)) return
    const shown = harmless.length === 0 || value === '' ? longOf(flag) : `${longOf(flag)}=${given}`
    throw new TspodError('UNSUPPORTED', `${shown} is not implemented yet`, { hint: reason })
  }
  const description =
    harmless.length === 0 ? reason : `${reason}; only ${harmless.map(each => each || '""').join(', ')}`
  return { description, refused: reason, ...(value === '' ? {} : { value }), ...rest, parse }
}

/** The sentence for a value that does not fit, in the words Podman's users know. */
export function invalidValue(given: string, flag: string, wanted: string): TspodError {
  return new TspodError('INVALID', `invalid argument "${given}" for "${flag}" flag: ${wanted}`)
}

/** Go's strconv.ParseBool. */
export function parseBoolean(given: string, flag: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(given)) return true
  if (/^(?:0|f|F|FALSE|false|False)$/.test(given)) return false
  throw invalidValue(given, flag, 'must be true or false')
}

function longOf(flag: string): string {
  return flag.slice(flag.indexOf('--'))
}

/** One CSV record. */
function splitCommas(given: string): string[] {
  if (given === '') return []
  const fields = given.match(/(?:"(?:[^"]|"")*"|[^,])*(?:,|$)/g)?.map(field => field.replace(/,$/, '')) ?? []
  if (!given.endsWith(',')) fields.pop()
  return fields.map(field => (/^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field))
}
