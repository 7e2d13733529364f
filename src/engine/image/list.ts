// images: what there is, told from index.json alone. Takes no lock.

import type { ImageQuery, ImageSummary } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { containersByImage } from './users.ts'

/** The verb: newest first; without `all`, no nameless ones that others were made on top of. */
export async function listImages({ all, filters }: ImageQuery): Promise<ImageSummary[]> {
  const engine = await openEngine()
  const images = engine.images.list().toSorted((a, b) => b.createdMs - a.createdMs)
  const shown = all ? images : await withoutIntermediate(engine, images)
  const { filterImages } = await import('./filter.ts')
  const chosen = filters.length === 0 ? shown : await filterImages(engine, shown, filters)
  return summarize(engine, chosen)
}

async function withoutIntermediate(engine: Engine, images: StoredImage[]): Promise<StoredImage[]> {
  if (!images.some(({ dangling }) => dangling)) return images
  const { ImageFamilies } = await import('./family.ts')
  const families = new ImageFamilies(engine.images, images)
  return images.filter(image => !image.dangling || families.childrenOf(image).length === 0)
}

function summarize(engine: Engine, images: readonly StoredImage[]): ImageSummary[] {
  let users: ReturnType<typeof containersByImage> | undefined
  return images.map(image => ({
    id: image.id,
    parentId: '',
    names: image.names,
    repoDigests: image.repoDigests,
    digest: image.digest,
    createdMs: image.createdMs,
    sizeBytes: image.sizeBytes,
    sharedBytes: 0,
    virtualBytes: image.sizeBytes,
    labels: image.labels,
    /** Found when it is first asked for: a table does not show it, and all containers have to be looked at. */
    get containers() {
      users ??= containersByImage(engine)
      return users.get(image.id)?.length ?? 0
    },
    readOnly: false,
    dangling: image.dangling,
    history: [...image.names, ...image.formerNames],
    architecture: image.architecture,
    os: image.os,
  }))
}
