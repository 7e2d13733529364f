// load: images from an archive or folder into the store.
import { resolve } from 'node:path'
import { checkPolicy, openPolicy, pathScopes } from '#config/policy.ts'
import type { ArchiveInput, OnProgress } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { receiveImage } from '#image/receive.ts'
import { normalizePlatform } from '#oci/platform.ts'
import { openStaging } from '#storage/staging.ts'
import { openInput } from './archive-input.ts'

/** The verb: the names (or ids of nameless images) that were loaded. */
export async function loadImages(input: ArchiveInput, { onProgress }: { onProgress?: OnProgress }): Promise<string[]> {
  if (input.kind === 'url')
    throw new TspodError(
      'UNSUPPORTED',
      `loading "${input.url}": images are loaded from files, folders and standard input`,
    )
  const engine = await openEngine()
  const layers = await engine.layers()
  await using staging = openStaging(engine.graphRoot, 'load', () => engine.namespace())
  await using archive = await openInput(input, staging.path)
  // an archive that comes as a stream has no place: the transport's rule counts
  const place = input.kind === 'file' ? resolve(input.path) : ''
  checkPolicy(openPolicy(), archive.transport, place === '' ? [] : pathScopes(place), archive.description)
  const loaded: string[] = []
  for (const { source, names } of archive.images) {
    const image = await receiveImage(source, {
      store: engine.images,
      layers,
      names,
      platform: normalizePlatform({ os: 'linux', architecture: process.arch }),
      isPlatformWanted: false,
      parallel: 2,
      onProgress: onProgress ?? (() => undefined),
      signal: new AbortController().signal,
    })
    engine.journal({
      type: 'image',
      status: 'loadfromarchive',
      id: image.id,
      name: names[0] ?? '',
      attributes: image.labels,
    })
    loaded.push(...(names.length === 0 ? [image.id] : names))
  }
  return loaded
}
