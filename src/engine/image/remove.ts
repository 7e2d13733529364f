// rmi: takes names away from images, and removes those that have none left and that nothing uses.

import type { SeenContainer } from '#engine/container/survey.ts'
import type { RemovedImage, RemoveImageOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import type { FoundImage } from '#image/lookup.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { hexOf } from '#oci/digest.ts'
import { sweepLeftovers } from '#storage/staging.ts'
import { ImageFamilies } from './family.ts'
import { sweepLayers } from './layers-in-use.ts'
import { journalName } from './tag.ts'
import { containersByImage } from './users.ts'

/** The verb: each in order, whatever becomes of the others. */
export async function removeImages(names: string[], options: RemoveImageOptions): Promise<RemovedImage[]> {
  const engine = await openEngine()
  const wanted = options.all ? childrenFirst(engine) : names
  const results: RemovedImage[] = []
  for (const input of wanted) {
    const result = await removeNamed(engine, input, options)
    if (result !== undefined) results.push(result)
  }
  if (results.some(({ deleted }) => deleted.length > 0)) await sweepLayers(engine)
  await sweepLeftovers(engine.graphRoot, async () => await engine.namespace())
  return results
}

/** Ids of all images, in an order in which none is kept by another. */
function childrenFirst({ images }: Engine): string[] {
  const all = images.list()
  const families = new ImageFamilies(images, all)
  const ancestors = new Map(all.map(image => [image.id, countAncestors(families, image)]))
  return all.map(({ id }) => id).toSorted((a, b) => (ancestors.get(b) ?? 0) - (ancestors.get(a) ?? 0))
}

function countAncestors(families: ImageFamilies, image: StoredImage): number {
  const parent = families.parentOf(image)
  return parent === undefined ? 0 : 1 + countAncestors(families, parent)
}

async function removeNamed(
  engine: Engine,
  input: string,
  options: RemoveImageOptions,
): Promise<RemovedImage | undefined> {
  const result: RemovedImage = { input, untagged: [], deleted: [] }
  try {
    const found = await engine.images.find(input)
    if (found !== undefined) await removeFound(engine, input, found, options, result)
    else if (await removeList(engine, input, result)) return result
    else if (options.all || options.ignoreMissing) return undefined
    else throw new TspodError('NOT_FOUND', `${input}: image not known`)
  } catch (error) {
    result.error = error instanceof TspodError ? error : during(`removing image "${input}"`, error)
  }
  return result
}

/** A list of images goes as it is; its images stay. False where there is none of this name. */
async function removeList(engine: Engine, input: string, result: RemovedImage): Promise<boolean> {
  const { findList } = await import('#image/manifest-list.ts')
  const list = findList(engine.graphRoot, input)
  if (list === undefined) return false
  await engine.images.removeList(list.name)
  result.untagged.push(list.name)
  result.deleted.push(hexOf(list.digest))
  return true
}

/** A name is taken away; with the last one, or by id, the image goes. */
async function removeFound(
  engine: Engine,
  input: string,
  { image, name }: FoundImage,
  options: RemoveImageOptions,
  result: RemovedImage,
): Promise<void> {
  const { images } = engine
  const others = image.names.filter(other => other !== name)
  if (name !== undefined && others.length > 0 && !options.all) {
    await images.untag([name])
    journalName(engine, 'untag', image, name)
    result.untagged.push(name)
    return
  }
  if (image.names.length > 1 && !options.force && !options.all)
    throw new TspodError(
      'CONFLICT',
      `unable to delete image "${image.id}" by ID with more than one tag ([${image.names.join(' ')}]): please force removal`,
      { hint: `tspod rmi --force ${input}` },
    )
  refuseWithChildren(engine, image)
  await freeOfContainers(engine, image, options)
  await removeForGood(engine, image, options, result)
}

/** Removes it, and the nameless images that were only kept as its parents. */
async function removeForGood(
  engine: Engine,
  image: StoredImage,
  { noPrune }: Pick<RemoveImageOptions, 'noPrune'>,
  result: RemovedImage,
): Promise<void> {
  const families = new ImageFamilies(engine.images)
  const parent = families.parentOf(image)
  await engine.images.remove(image)
  for (const lost of image.names) {
    journalName(engine, 'untag', image, lost)
    result.untagged.push(lost)
  }
  engine.journal({
    type: 'image',
    status: 'remove',
    id: image.id,
    name: image.names[0] ?? '',
    attributes: image.labels,
  })
  result.deleted.push(image.id)
  if (noPrune || parent === undefined || !parent.dangling) return
  const isKept =
    new ImageFamilies(engine.images).childrenOf(parent).length > 0 || containersByImage(engine).has(parent.id)
  if (!isKept) await removeForGood(engine, parent, { noPrune }, result)
}

function refuseWithChildren({ images }: Engine, image: StoredImage): void {
  const children = image.dangling ? new ImageFamilies(images).childrenOf(image) : []
  if (children.length === 0) return
  const ids = children.map(({ id }) => id.slice(0, 12)).join(', ')
  throw new TspodError('CONFLICT', `unable to remove image ${image.id}: image has dependent child images (${ids})`)
}

/** A container keeps its image; by force the containers go too, running ones as well. */
async function freeOfContainers(engine: Engine, image: StoredImage, { force }: RemoveImageOptions): Promise<void> {
  const users: SeenContainer[] = containersByImage(engine).get(image.id) ?? []
  const [first] = users
  if (first === undefined) return
  if (!force)
    throw new TspodError('IN_USE', `Image used by ${first.id}: image is in use by a container`, {
      hint: `remove the container first (tspod rm ${first.record?.name}), or remove both with tspod rmi --force`,
    })
  const { removeContainers } = await import('#engine/container/remove.ts')
  const outcomes = await removeContainers(
    { names: users.map(({ id }) => id), all: false, filters: [], ignoreMissing: true },
    { force: true, volumes: false, depend: true, withPods: true },
  )
  for (const { error } of outcomes) if (error !== undefined && !hasCode(error, 'NOT_FOUND')) throw error
}
