// Copies of layers with other owners, for containers whose ids differ where nothing changes owners on the way: made once for each
// mapping, shared by its containers, gone with the layers themselves. Host namespaces; a worker copies.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf } from '#errors.ts'
import { log } from '#log.ts'
import type { ChainId } from '#oci/digest.ts'
import { runWorker } from '#userns/worker.ts'
import type { DriverPlace, RootRequest } from './driver.ts'
import { diffFolder, layerFolder, layersFolder, linkFolder } from './layer-paths.ts'
import { readLayerRecord } from './layer-record.ts'
import { linkLayer } from './layer-store.ts'
import { idOption, type RootIds } from './root-ids.ts'
import { openStaging } from './staging.ts'

/** What worker:map-layer is asked. */
export interface MapLayerRequest {
  /** a layer's `diff` */
  source: string
  /** an empty folder */
  target: string
  ids: RootIds
}

/** Copies what is missing of a chain from `place` to `mapped`, each layer visible by one rename. Says how much it is: it can take long. */
export async function copyMappedLayers(
  place: DriverPlace,
  mapped: DriverPlace,
  { chain, ids }: RootRequest,
): Promise<void> {
  const isMissing = (chainId: ChainId): boolean => !existsSync(layerFolder(mapped.graphRoot, mapped.mode, chainId))
  const missing = chain.filter(isMissing)
  if (missing.length === 0 || ids === undefined) return
  sayHowMuch(place, missing)
  const links = linkFolder(mapped.graphRoot, mapped.mode)
  mkdirSync(links, { recursive: true, mode: 0o700 })
  writeFileSync(join(links, '../ids'), `uid ${idOption(ids.uid)}\ngid ${idOption(ids.gid)}\n`) // for people who look
  for (const chainId of missing) {
    if (isMissing(chainId)) await copyLayer(place, mapped, chainId, ids) // another process may have been faster
  }
}

async function copyLayer(place: DriverPlace, mapped: DriverPlace, chainId: ChainId, ids: RootIds): Promise<void> {
  const { graphRoot, openNamespace } = place
  await using staging = openStaging(graphRoot, 'map', openNamespace)
  const folder = join(staging.path, 'layer')
  const request: MapLayerRequest = {
    source: diffFolder(graphRoot, place.mode, chainId),
    target: join(folder, 'diff'),
    ids,
  }
  mkdirSync(request.target, { recursive: true, mode: 0o755 })
  try {
    await runWorker(await openNamespace(), 'map-layer', request)
  } catch (error) {
    throw during(`copying the layer "${chainId}" with the owners that this container sees`, error)
  }
  copyFileSync(join(layerFolder(graphRoot, place.mode, chainId), 'layer.json'), join(folder, 'layer.json'))
  linkLayer(linkFolder(graphRoot, mapped.mode), chainId)
  try {
    renameSync(folder, layerFolder(graphRoot, mapped.mode, chainId))
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' && errnoOf(error) !== 'ENOTEMPTY') throw error
  }
}

function sayHowMuch({ graphRoot, mode }: DriverPlace, missing: readonly ChainId[]): void {
  const bytes = missing
    .map(chainId => readLayerRecord(layerFolder(graphRoot, mode, chainId))?.sizeBytes ?? 0)
    .reduce((sum, size) => sum + size, 0)
  log.warn(
    `copying ${missing.length} ${missing.length === 1 ? 'layer' : 'layers'} (${Math.ceil(bytes / 1e6)} MB) once for this mapping of ids; ` +
      'the package fuse-overlayfs, with a /dev/fuse you may open, does without copies',
  )
}

/** The mappings for which there are copies. */
export function mappedPlaces(place: Pick<DriverPlace, 'graphRoot' | 'openNamespace'>): DriverPlace[] {
  try {
    return readdirSync(join(layersFolder(place.graphRoot, 'mapped/x'), '..')).map(key => ({
      ...place,
      mode: `mapped/${key}` as const,
    }))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
