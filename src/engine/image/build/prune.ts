// Forgetting what builds remember: records of steps, and folders of cache mounts that no build uses.
import { join } from 'node:path'
import { BuildCache } from '#build/cache.ts'
import { freeMountFolders } from '#build/run/mount-lock.ts'
import { sweepLayers } from '#engine/image/layers-in-use.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { removeUnneeded } from '#image/garbage.ts'
import { readKept } from '#image/kept.ts'
import { foldersBytes } from '#storage/disk-usage.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { moveToTrash } from '#storage/staging.ts'
import { cacheMountsFolder } from './cache-mount.ts'

/** Removes all records of steps, the layers and blobs that only they kept, and cache mounts. The bytes given back. */
export async function pruneBuildCache(): Promise<number> {
  const engine = await openEngine()
  const { graphRoot } = engine
  const kept = readKept(graphRoot)
  new BuildCache(graphRoot).clear()
  const blobs = await removeUnneeded(graphRoot, kept)
  const layers = await sweepLayers(engine)
  return layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, blobs) + (await removeCacheMounts(engine))
}

/** Removes the folders of cache mounts; the bytes given back. */
async function removeCacheMounts(engine: Engine): Promise<number> {
  const { graphRoot } = engine
  const folder = cacheMountsFolder(graphRoot)
  const openNamespace = async () => await engine.namespace()
  let freed = 0
  for (const { name, lock } of freeMountFolders(folder)) {
    using _lock = lock
    const path = join(folder, name)
    const [bytes = 0] = await foldersBytes([path], openNamespace)
    await removeTree(moveToTrash(graphRoot, path), openNamespace)
    freed += bytes
  }
  return freed
}
