// What naming and removing images changes in index.json: entries in, entries out. Pure.
import type { Digest } from '#oci/digest.ts'
import { annotation, type IndexEntry } from './layout.ts'

type Annotations = Record<string, string>

/** Puts an image into the index under these names, or as a nameless one; each name is taken away from whoever has it. */
export function addEntry(
  entries: readonly IndexEntry[],
  image: { descriptor: IndexEntry; annotations: Annotations; names: readonly string[] },
): IndexEntry[] {
  const { descriptor, annotations, names } = image
  const { mediaType, digest, size } = descriptor
  const isSame = (entry: IndexEntry) => entry.digest === digest
  const same = entries.filter(isSame)
  const others = removeNames(
    entries.filter(entry => !isSame(entry)),
    names,
  )
  const merged = withKnown(annotations, same)
  const allNames = new Set([...same.map(nameOf), ...names].filter(name => name !== undefined))
  const lines = allNames.size === 0 ? [undefined] : [...allNames]
  return [...others, ...lines.map(name => ({ mediaType, digest, size, annotations: named(merged, name) }))]
}

/** Takes names away; an image that loses its last one stays as a nameless one. */
export function removeNames(entries: readonly IndexEntry[], names: readonly string[]): IndexEntry[] {
  let result = [...entries]
  for (const name of names)
    result = result.flatMap(entry => (nameOf(entry) === name ? loseName(result, entry) : [entry]))
  return result
}

/** Takes every entry of these manifests away. */
export function removeManifests(entries: readonly IndexEntry[], digests: ReadonlySet<Digest>): IndexEntry[] {
  return entries.filter(entry => !digests.has(entry.digest))
}

export const nameOf = (entry: IndexEntry): string | undefined => entry.annotations?.[annotation.name]

/** Words of an annotation that holds several. */
export function wordsOf(entry: IndexEntry, key: string): string[] {
  const text = entry.annotations?.[key]
  return text === undefined || text === '' ? [] : text.split(' ')
}

/** The entry without its name: nothing where others of the same manifest remain, else a nameless one. */
function loseName(all: readonly IndexEntry[], entry: IndexEntry): IndexEntry[] {
  const siblings = all.filter(other => other !== entry && other.digest === entry.digest)
  if (siblings.length > 0) return []
  const former = new Set([...wordsOf(entry, annotation.formerNames), nameOf(entry) ?? ''])
  const { [annotation.name]: _name, ...rest } = entry.annotations ?? {}
  return [{ ...entry, annotations: { ...rest, [annotation.formerNames]: [...former].join(' ') } }]
}

/** New facts of an image together with the digests and names that its entries remember. */
function withKnown(annotations: Annotations, known: readonly IndexEntry[]): Annotations {
  const result = { ...annotations }
  for (const key of [annotation.pulledAs, annotation.pushedTo, annotation.formerNames]) {
    const words = new Set(known.flatMap(entry => wordsOf(entry, key)))
    for (const word of annotations[key]?.split(' ') ?? []) if (word !== '') words.add(word)
    if (words.size > 0) result[key] = [...words].join(' ')
  }
  return result
}

function named(annotations: Annotations, name: string | undefined): Annotations {
  const { [annotation.name]: _other, ...rest } = annotations
  return name === undefined ? rest : { [annotation.name]: name, ...rest }
}
