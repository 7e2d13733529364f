// Which unpacked layers are needed, by images, running pulls and containers; and the removal of those that are not.
import { listRecords } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import { chainsInUse, withImagesLocked } from '#image/garbage.ts'
import type { ChainId } from '#oci/digest.ts'
import { listLayers, removeLayers } from '#storage/layer-garbage.ts'
import { type LayerMode, layerFolder } from '#storage/layer-paths.ts'
import { readLayerRecord } from '#storage/layer-record.ts'

export interface SweptLayer {
  chainId: ChainId
  sizeBytes: number
}

/** Both mappings' layers: those of the other one are left over when subordinate ids came or went. */
export const modes: readonly LayerMode[] = ['full', 'single']

/**
 * Removes the layers that nothing needs; nothing at all where it cannot be known what is needed. `mayGo` spares some, the young ones
 * for instance.
 */
export async function sweepLayers(
  engine: Engine,
  mayGo: (layer: { createdMs: number }) => boolean = () => true,
): Promise<SweptLayer[]> {
  const { graphRoot } = engine
  return await withImagesLocked(graphRoot, async () => {
    const needed = await layersInUse(engine)
    if (needed === undefined) return []
    const swept: SweptLayer[] = []
    for (const mode of modes) {
      const spared = listLayers({ graphRoot, mode }).filter(layer => !mayGo(layer))
      const keep = new Set([...needed, ...spared.map(({ chainId }) => chainId)])
      swept.push(...(await removeLayers({ graphRoot, mode, openNamespace: () => engine.namespace() }, keep)))
    }
    return swept
  })
}

/** The chain ids that are needed; `undefined` where an image or a container cannot be read. The caller holds the images' lock. */
export async function layersInUse({ graphRoot }: Engine): Promise<Set<string> | undefined> {
  const { chains, complete } = await chainsInUse(graphRoot)
  const { records, damaged } = listRecords(graphRoot)
  if (!complete || damaged.length > 0) return undefined
  const needed = new Set(chains)
  for (const { layer, mounts } of records)
    for (const top of [layer, ...mounts.map(mount => mount.layer)])
      for (const chainId of stackOf(graphRoot, top)) needed.add(chainId)
  return needed
}

/** A layer and all below it, as their records say: a container's image may be gone. */
export function stackOf(graphRoot: string, top: string | undefined): string[] {
  const stack: string[] = []
  let chainId = top as ChainId | undefined
  while (chainId !== undefined) {
    stack.push(chainId)
    const below: ChainId = chainId
    chainId = modes.map(mode => readLayerRecord(layerFolder(graphRoot, mode, below))?.parent).find(Boolean)
  }
  return stack
}
