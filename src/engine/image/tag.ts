// tag and untag: names of images.

import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { StoredImage } from '#image/stored-image.ts'

/** The verb: gives an image further names, taking them from whoever has them. */
export async function tagImage(source: string, targets: string[]): Promise<void> {
  const engine = await openEngine()
  const { image } = await engine.images.resolve(source)
  for (const name of await engine.images.tag(image, targets)) journalName(engine, 'tag', image, name)
}

/** The verb: takes these names, or all, away from an image; the image stays. */
export async function untagImage(source: string, names: string[]): Promise<void> {
  const engine = await openEngine()
  const { image } = await engine.images.resolve(source)
  const all = [...image.names, ...image.repoDigests]
  const lost = names.length === 0 ? all : await Promise.all(names.map(name => nameOf(engine, image, name)))
  await engine.images.untag(lost)
  for (const name of lost) journalName(engine, 'untag', image, name)
}

/** The full name that a user means, which must be one of this image. */
async function nameOf({ images }: Engine, image: StoredImage, text: string): Promise<string> {
  const found = await images.find(text)
  if (found?.name !== undefined && found.image.id === image.id) return found.name
  const known = image.names.join(', ')
  throw new TspodError('NOT_FOUND', `${text}: tag not known`, {
    hint: known === '' ? 'the image has no names' : `the image has the names ${known}`,
  })
}

/** An event for each name: whoever follows them sees what scripts refer to. */
export function journalName(engine: Engine, status: 'tag' | 'untag', { id, labels }: StoredImage, name: string): void {
  engine.journal({ type: 'image', status, id, name, attributes: labels })
}
