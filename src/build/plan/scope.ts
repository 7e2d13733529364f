// Which build arguments mean what, before the first FROM and in a stage. Pure.
import type { Containerfile } from '#build/parse/containerfile.ts'
import type { WholeLine } from '#build/parse/lines.ts'
import { type Lookup, SubstitutionError, substitute } from '#build/parse/substitute.ts'
import type { Platform } from '#oci/platform.ts'
import { formatPlatform } from '#oci/platform.ts'

/** Usable by RUN without ARG, and never part of a cache key or the history (Dockerfile reference, Predefined ARGs). */
export const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(name => [
  name,
  name.toLowerCase(),
])

export interface GivenArgs {
  /** `--build-arg`, in the order given */
  given: ReadonlyMap<string, string>
  platform: Platform
  buildPlatform: Platform
  /** `--target`, as TARGETSTAGE */
  target: string
}

/** TARGETPLATFORM and its like: set in every file, seen in a stage that declares them. */
export function platformArgs({ platform, buildPlatform, target }: GivenArgs): Map<string, string> {
  const of = (prefix: string, { os, architecture, variant }: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform({ os, architecture, ...(variant !== undefined && { variant }) })],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, variant ?? ''],
  ]
  return new Map([...of('TARGET', platform), ...of('BUILD', buildPlatform), ['TARGETSTAGE', target || 'default']])
}

/** What FROM lines see, and what a stage's ARG without a default inherits. */
export interface GlobalScope {
  /** declared before the first FROM, with their values */
  declared: ReadonlyMap<string, string>
  /** the same with the platform's */
  lookup: Lookup
}

/** Evaluates the ARGs before the first FROM. Throws INVALID. */
export function globalScope(file: Containerfile, args: GivenArgs): GlobalScope {
  const platform = platformArgs(args)
  const declared = new Map<string, string>()
  const seen: Lookup = name => declared.get(name) ?? platform.get(name)
  for (const { line, items } of file.globalArgs)
    for (const { name, value } of items) {
      const known =
        args.given.get(name) ?? (value === undefined ? undefined : replace(line, value, seen, file.directives.escape))
      if (known !== undefined) declared.set(name, known)
    }
  return { declared, lookup: seen }
}

/** A word of an instruction with its variables replaced. Throws INVALID at the word's place. */
export function replace(line: WholeLine, text: string, lookup: Lookup, escape: string): string {
  return atLine(line, text, () => substitute(text, lookup, escape))
}

/** Gives a failed substitution its place. */
export function atLine<T>(line: WholeLine, text: string, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (error instanceof SubstitutionError) throw line.error(error.message, text)
    throw error
  }
}

/** Build arguments that were given and that nothing in the file declares. */
export function unusedArgs(file: Containerfile, given: ReadonlyMap<string, string>): string[] {
  const declared = new Set(proxyNames)
  for (const { items } of file.globalArgs) for (const { name } of items) declared.add(name)
  for (const { instructions } of file.stages)
    for (const instruction of instructions)
      if (instruction.kind === 'arg') for (const { name } of instruction.items) declared.add(name)
  return [...given.keys()].filter(name => !declared.has(name))
}
