// system prune: removes what nothing uses: stopped containers, then volumes, then images, and what killed commands left behind.

import { statSync } from 'node:fs'
import { pruneContainers } from '#engine/container/prune.ts'
import type { Pruned, SystemPruned, SystemPruneOptions } from '#engine/contracts/system.ts'
import { sweepLayers } from '#engine/image/layers-in-use.ts'
import { pruneImages } from '#engine/image/prune.ts'
import { type Engine, openEngine } from '#engine/open.ts'

/** The verb. Pods and containers go first: they are what keeps volumes and images. */
export async function pruneSystem(options: SystemPruneOptions): Promise<SystemPruned> {
  const engine = await openEngine()
  const pods = options.containerFilters.length === 0 ? await prunePods() : []
  const containers = await pruneContainers(options.containerFilters)
  const volumes = options.volumes ? await pruneVolumes(options) : []
  const images = await pruneImages({ all: options.all, filters: options.imageFilters })
  const bytes = (pruned: readonly Pruned[]) => pruned.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0)
  const leftovers = await sweepLeftovers(engine)
  return {
    pods,
    containers,
    images,
    volumes,
    reclaimedBytes: bytes([...containers, ...volumes, ...images]) + leftovers,
  }
}

async function prunePods(): Promise<Pruned[]> {
  const { prunePods: prune } = await import('#engine/pod/remove.ts')
  return (await prune()).map(({ input, errors: [error] }) => ({
    id: input,
    reclaimedBytes: 0,
    ...(error !== undefined && { error }),
  }))
}

async function pruneVolumes({ volumeFilters }: SystemPruneOptions): Promise<Pruned[]> {
  const { pruneVolumes: prune } = await import('#engine/volume/prune.ts')
  return await prune({ filters: volumeFilters, all: true, dryRun: false })
}

/** Blobs and layers no image reaches, staging folders of dead processes. Bytes given back, as far as they are known. */
async function sweepLeftovers(engine: Engine): Promise<number> {
  const { collectGarbage } = await import('#image/garbage.ts')
  const { foldersBytes } = await import('#storage/disk-usage.ts')
  const { findLeftovers, sweepStaging } = await import('#storage/staging.ts')
  const { freedBytes } = await collectGarbage(engine.graphRoot)
  const layers = await sweepLayers(engine)
  const openNamespace = () => engine.namespace()
  const left = findLeftovers(engine.graphRoot, 0)
  const folders = left.filter(path => statSync(path, { throwIfNoEntry: false })?.isDirectory())
  const leftBytes = await foldersBytes(folders, openNamespace)
  await sweepStaging(engine.graphRoot, openNamespace)
  return [...layers.map(({ sizeBytes }) => sizeBytes), ...leftBytes].reduce((sum, bytes) => sum + bytes, freedBytes)
}
