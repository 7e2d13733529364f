// Filters of images, as images and the prunes take them (podman-images(1), --filter).

import { hasLabel, patternOf } from '#engine/container/filter.ts'
import type { ImageFilter } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { parseTypedName } from '#oci/reference.ts'
import { ImageFamilies } from './family.ts'
import { containersByImage } from './users.ts'

type Test = (image: StoredImage) => boolean

/** The images that match: of filters with the same key any, of different keys and labels all. */
export async function filterImages(
  engine: Engine,
  images: readonly StoredImage[],
  filters: readonly ImageFilter[],
): Promise<StoredImage[]> {
  const groups = new Map<string, Test[]>()
  for (const [index, filter] of filters.entries()) {
    const group = filter.key === 'label' ? `label ${index}` : filter.key
    groups.set(group, [...(groups.get(group) ?? []), await testOf(engine, images, filter)])
  }
  return images.filter(image => [...groups.values()].every(tests => tests.some(test => test(image))))
}

async function testOf(engine: Engine, images: readonly StoredImage[], filter: ImageFilter): Promise<Test> {
  switch (filter.key) {
    case 'label':
      return ({ labels }) => hasLabel(labels, filter)
    case 'dangling':
      return ({ dangling }) => dangling === filter.value
    case 'intermediate': {
      const families = new ImageFamilies(engine.images, images)
      return image => (image.dangling && families.childrenOf(image).length > 0) === filter.value
    }
    case 'readonly':
    case 'manifest': // there are no read-only stores, and no lists of manifests as images of their own
      return () => !filter.value
    case 'containers': {
      const users = containersByImage(engine)
      return ({ id }) => users.has(id) === filter.value
    }
    case 'before':
    case 'since': {
      const { createdMs } = (await engine.images.resolve(filter.value)).image
      return filter.key === 'before' ? image => image.createdMs < createdMs : image => image.createdMs > createdMs
    }
    case 'id':
      return ({ id }) => id.startsWith(filter.value.replace(/^sha256:/, ''))
    case 'digest':
      return ({ digests }) => digests.some(digest => digest.startsWith(filter.value))
    case 'until':
      return ({ createdMs }) => createdMs < filter.beforeMs
    case 'reference': {
      const pattern = glob(filter.value)
      return ({ names, repoDigests }) =>
        [...names, ...repoDigests].flatMap(shortenings).some(name => pattern.test(name))
    }
  }
}

/** The ways in which a full name may be written: with and without registry, library, and tag. */
function shortenings(name: string): string[] {
  const { registry = '', path, tag, digest } = parseTypedName(name)
  const ending = digest === undefined ? `:${tag ?? ''}` : `@${digest}`
  const paths = [`${registry}/${path}`, path, path.slice(path.lastIndexOf('/') + 1)]
  return paths.flatMap(each => [each + ending, each])
}

/** `*` and `?` within one part of a name, `[a-z]`. */
function glob(text: string): RegExp {
  const source = text
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  return patternOf('reference', text, `^${source}$`)
}
