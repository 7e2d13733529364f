// From what a user typed to one of the images there are: by name, by digest, by the beginning of an id. Pure.
import { TspodError } from '#errors.ts'
import {
  completeName,
  defaultTag,
  formatReference,
  mayBeImageId,
  parseTypedName,
  type TypedName,
} from '#oci/reference.ts'
import { nameOf } from './index-edits.ts'
import { annotation, type IndexEntry } from './layout.ts'
import type { StoredImage } from './stored-image.ts'

/** An image, and the full name that led to it where it was a name. */
export interface FoundImage {
  image: StoredImage
  name?: string
}

/** The entries of every image that a text could mean: starting a container must not tell of 500 images what they are. */
export function entriesFor(entries: readonly IndexEntry[], text: string): IndexEntry[] {
  const word = /^[^@]*?([^/@:]+)(?::[^/]*)?(?:@.*)?$/.exec(text)?.[1] ?? text
  const hex = text.replace(/^sha256:/, '')
  const idOf = (entry: IndexEntry) => entry.annotations?.[annotation.id]
  const ids = new Set<string | undefined>([undefined])
  for (const entry of entries)
    if (nameOf(entry)?.includes(word) || idOf(entry)?.startsWith(hex) || entry.digest.endsWith(hex))
      ids.add(idOf(entry))
  return entries.filter(entry => ids.has(idOf(entry)))
}

/** Several images have the short name that was typed: the order of registries decides. */
export interface RivalImages {
  rivals: FoundImage[]
}

/**
 * An exact id, else a name, else the beginning of an id, as podman and docker look: a short name means any image whose
 * repository ends with it. `undefined` for none. Throws CONFLICT where the beginning of an id fits several.
 */
export function lookupImage(images: readonly StoredImage[], text: string): FoundImage | RivalImages | undefined {
  const hex = mayBeImageId(text) ? text.replace(/^sha256:/, '') : undefined
  if (hex?.length === 64) {
    const exact = images.find(image => image.id === hex || image.digests.some(digest => digest.endsWith(hex)))
    return exact === undefined ? undefined : { image: exact }
  }
  const named = text.startsWith('sha256:') ? undefined : lookupName(images, parseTypedName(text))
  if (named !== undefined || hex === undefined) return named
  const fitting = images.filter(image => image.id.startsWith(hex))
  if (fitting.length > 1)
    throw new TspodError('CONFLICT', `"${text}" is the beginning of ${fitting.length} image ids`, {
      hint: `write more of the one you mean: ${fitting.map(image => image.id.slice(0, 16)).join(', ')}`,
    })
  return fitting[0] === undefined ? undefined : { image: fitting[0] }
}

/** The rival in the repository that comes first in `repositories`. Throws CONFLICT, naming all, where none is in it. */
export function chooseRival(rivals: readonly FoundImage[], repositories: readonly string[], text: string): FoundImage {
  for (const repository of repositories) {
    const found = rivals.find(({ name }) => name !== undefined && repositoryOf(name) === repository)
    if (found !== undefined) return found
  }
  throw new TspodError('CONFLICT', `"${text}" is short for ${rivals.length} images`, {
    hint: `write the full name of the one you mean: ${rivals.map(({ name }) => name).join(', ')}`,
  })
}

function lookupName(images: readonly StoredImage[], typed: TypedName): FoundImage | RivalImages | undefined {
  const ending = typed.digest === undefined ? `:${typed.tag ?? defaultTag}` : `@${typed.digest}`
  const namesOf = (image: StoredImage) => (typed.digest === undefined ? image.names : image.repoDigests)
  if (typed.registry !== undefined) {
    const { registry, repository } = completeName(typed.registry, typed.path)
    const name = formatReference({ registry, repository }) + ending
    const image = images.find(each => namesOf(each).includes(name))
    return image === undefined ? undefined : { image, name }
  }
  const suffix = `/${typed.path}${ending}`
  const fitting = images.flatMap(image =>
    namesOf(image)
      .filter(name => name.endsWith(suffix))
      .map(name => ({ image, name })),
  )
  const [first] = fitting
  return new Set(fitting.map(({ image }) => image.id)).size > 1 ? { rivals: fitting } : first
}

function repositoryOf(name: string): string {
  const at = name.indexOf('@')
  return at === -1 ? name.slice(0, name.lastIndexOf(':')) : name.slice(0, at)
}
