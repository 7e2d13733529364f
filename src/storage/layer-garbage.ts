// Looking after unpacked layers: which there are, how large, which nobody needs. Host namespaces.
import { lstatSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { type ChainId, digestOf, hexOf } from '#oci/digest.ts'
import type { DriverPlace } from './driver.ts'
import { layerFolder, layersFolder, linkFolder, linkName } from './layer-paths.ts'
import { type LayerRecord, readLayerRecord } from './layer-record.ts'
import { linkLayer } from './layer-store.ts'
import { mappedPlaces } from './mapped-layers.ts'
import { removeTree } from './remove-tree.ts'
import { moveToTrash } from './staging.ts'

export interface FoundLayer {
  chainId: ChainId
  folder: string
  /** absent: layer.json is missing or damaged */
  record: LayerRecord | undefined
  /** when it became visible, in milliseconds since 1970 */
  createdMs: number
}

/** All unpacked layers of this mode. Takes no lock. */
export function listLayers(place: Pick<DriverPlace, 'graphRoot' | 'mode'>): FoundLayer[] {
  return namesIn(layersFolder(place.graphRoot, place.mode))
    .filter(name => /^[0-9a-f]{64}$/.test(name))
    .map(name => {
      const chainId = digestOf(name) as unknown as ChainId
      const folder = layerFolder(place.graphRoot, place.mode, chainId)
      return { chainId, folder, record: readLayerRecord(folder), createdMs: modifiedMs(folder) }
    })
}

/**
 * Removes the layers that are not in `keep`. The caller holds the lock under which images and containers begin to rely on layers,
 * and gives all they rely on. A layer vanishes by one rename before its files go; its copies for other mappings go with it.
 */
export async function removeLayers(
  place: DriverPlace,
  keep: ReadonlySet<string>,
): Promise<{ chainId: ChainId; sizeBytes: number }[]> {
  const removed: { chainId: ChainId; sizeBytes: number }[] = []
  for (const { chainId, folder, record } of listLayers(place)) {
    if (keep.has(chainId)) continue
    const trash = moveToTrash(place.graphRoot, folder)
    rmSync(join(linkFolder(place.graphRoot, place.mode), linkName(chainId)), { force: true })
    await removeTree(trash, place.openNamespace)
    removed.push({ chainId, sizeBytes: record?.sizeBytes ?? 0 })
  }
  if (place.mode === 'full') for (const mapped of mappedPlaces(place)) await removeLayers(mapped, keep)
  return removed
}

/** What is wrong with a layer as it lies there, in words; `undefined` for a sound one. Mends its short link where asked to. */
export function checkLayer(
  place: Pick<DriverPlace, 'graphRoot' | 'mode'>,
  { chainId, folder, record }: FoundLayer,
  repair: boolean,
): { problem: string; repaired: boolean } | undefined {
  if (record === undefined) return { problem: 'its layer.json is missing or damaged', repaired: false }
  if (statSync(join(folder, 'diff'), { throwIfNoEntry: false }) === undefined)
    return { problem: 'its folder "diff" is missing', repaired: false }
  const links = linkFolder(place.graphRoot, place.mode)
  const link = join(links, linkName(chainId))
  if (linkTarget(link) === `../${hexOf(chainId)}/diff`) return undefined
  if (repair) {
    rmSync(link, { force: true })
    linkLayer(links, chainId)
  }
  return { problem: `its short link "${link}" is missing or wrong`, repaired: repair }
}

function linkTarget(link: string): string | undefined {
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(link) : undefined
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}
