// image prune: removes nameless images, or all, that no container uses.

import type { ImageFilter } from '#engine/contracts/image.ts'
import type { Pruned } from '#engine/contracts/system.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { ImageFamilies } from './family.ts'
import { filterImages } from './filter.ts'
import { sweepLayers } from './layers-in-use.ts'
import { containersByImage } from './users.ts'

/** The verb: with the bytes that each gave back. A parent goes after its last child. With `dryRun`, what would go first, and its size. */
export async function pruneImages(options: {
  all: boolean
  filters: ImageFilter[]
  dryRun?: boolean
}): Promise<Pruned[]> {
  const engine = await openEngine()
  if (options.dryRun === true)
    return (await unusedImages(engine, options)).map(image => ({
      id: image.names[0] ?? image.id.slice(0, 12),
      reclaimedBytes: image.sizeBytes,
    }))
  const pruned: Pruned[] = []
  for (;;) {
    const failed = new Set(pruned.filter(({ error }) => error !== undefined).map(({ id }) => id))
    const unused = (await unusedImages(engine, options)).filter(({ id }) => !failed.has(id))
    if (unused.length === 0) return pruned
    for (const image of unused) pruned.push(await removeUnused(engine, image))
  }
}

async function unusedImages(
  engine: Engine,
  { all, filters }: { all: boolean; filters: readonly ImageFilter[] },
): Promise<StoredImage[]> {
  const images = engine.images.list()
  const users = containersByImage(engine)
  const families = new ImageFamilies(engine.images, images)
  const free = images.filter(image => (all || image.dangling) && !users.has(image.id))
  return (await filterImages(engine, free, filters)).filter(
    image => !image.dangling || families.childrenOf(image).length === 0,
  )
}

async function removeUnused(engine: Engine, image: StoredImage): Promise<Pruned> {
  const { id, labels } = image
  try {
    const { freedBytes } = await engine.images.remove(image)
    engine.journal({ type: 'image', status: 'prune', id, name: image.names[0] ?? '', attributes: labels })
    const layers = await sweepLayers(engine)
    return { id, reclaimedBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, freedBytes) }
  } catch (error) {
    if (error instanceof TspodError) return { id, reclaimedBytes: 0, error }
    throw error
  }
}
