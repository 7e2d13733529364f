// Which variables a word of a Containerfile relies on. Pure.
import { nearest } from '#build/parse/nearest.ts'
import { SubstitutionError, substituteWords } from '#build/parse/substitute.ts'

/** Names that are used without being known and without a default of their own (`${v:-x}`), in order. */
export function unknownNames(text: string, isKnown: (name: string) => boolean, escape: string): string[] {
  const asked: string[] = []
  try {
    substituteWords(
      text,
      name => {
        if (isKnown(name)) return 'x'
        asked.push(name)
        return undefined
      },
      escape,
    )
  } catch (error) {
    if (!(error instanceof SubstitutionError)) throw error // the build says so
  }
  return [...new Set(asked)].filter(name => !new RegExp(`\\$\\{${name}:?[-+]`).test(text))
}

/** ` (did you mean X?)`, or nothing. */
export function suggestion(name: string, known: Iterable<string>, prefix = ''): string {
  const near = nearest(name, [...known], 1 + Math.floor(name.length / 4))
  return near === undefined ? '' : ` (did you mean ${prefix}${near}?)`
}
