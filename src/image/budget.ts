// `pull --budget`: what a pull would take of the disk, found out before it begins. Host namespaces.
import { TspodError } from '#errors.ts'
import type { ImageManifest } from '#oci/manifest.ts'
import { layerCompression } from '#oci/media-types.ts'
import type { LayerStore } from '#storage/layers.ts'
import { blobSize } from './blobs.ts'
import type { ImageStore } from './store.ts'

/** Files take so many times the bytes of their compressed archive; what package managers install compresses so. */
const growth = 2.6

/** Throws DENIED where the layers that are missing here, fetched and unpacked, would take more than the budget. */
export async function checkBudget(
  { config, layers: descriptors }: ImageManifest,
  budgetBytes: number,
  { name, store }: { name: string; store: ImageStore; layers: LayerStore },
): Promise<void> {
  const missing = [config, ...descriptors].filter(({ digest, size }) => blobSize(store.root, digest) !== size)
  const fetched = missing.reduce((sum, { size }) => sum + size, 0)
  const unpacked = missing
    .filter(({ digest }) => digest !== config.digest)
    .reduce((sum, { size, mediaType, digest }) => {
      const isPacked = layerCompression(mediaType, `layer ${digest}`) !== 'none'
      return sum + (isPacked ? size * growth : size)
    }, 0)
  const needed = Math.ceil(fetched + unpacked)
  if (needed <= budgetBytes) return
  const inMb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  throw new TspodError(
    'DENIED',
    `pulling "${name}": it would fetch ${inMb(fetched)} and unpack about ${inMb(unpacked)}, together ${inMb(needed)}; the budget is ${inMb(budgetBytes)}`,
    { hint: '"tspod system df" shows what takes space here; "tspod image prune --all" gives back what nothing uses' },
  )
}
