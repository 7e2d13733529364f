// image tree: an image's layers with what they take, and which images end with them; or the images made on top of it.
import type { ImageTree, TreeLayer } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import { unpackedBytes } from './unpacked-layers.ts'

interface Chained {
  image: StoredImage
  chain: readonly ChainId[]
  diffIds: readonly Digest[]
  packedBytes: readonly number[]
}

/** The verb. With `whatRequires`, the layers of images that begin with all of its own hang below its uppermost one. */
export async function imageTree(name: string, { whatRequires }: { whatRequires: boolean }): Promise<ImageTree> {
  const engine = await openEngine()
  const { image } = await engine.images.resolve(name)
  const all = engine.images.list().flatMap(each => chainedImage(engine, each))
  const own = all.find(each => each.image.id === image.id) ?? chainOf(engine, image)
  const head = { id: image.id, names: image.names, sizeBytes: image.sizeBytes }
  const layers = own.chain.map((_, depth) => layerAt(engine, own, depth, all))
  if (!whatRequires) return { ...head, layers }
  const last = layers.at(-1)
  if (last === undefined) return { ...head, layers: [] }
  const top = own.chain.at(-1)
  const above = all.filter(({ chain }) => chain.length > own.chain.length && chain[own.chain.length - 1] === top)
  return { ...head, layers: [{ ...last, children: childrenAt(engine, above, own.chain.length, all) }] }
}

/** Images grouped by their layer at a depth: each group is one layer, with what differs above it below. */
function childrenAt(engine: Engine, images: readonly Chained[], depth: number, all: readonly Chained[]): TreeLayer[] {
  const groups = Map.groupBy(
    images.filter(({ chain }) => chain.length > depth),
    ({ chain }) => chain[depth],
  )
  return [...groups.values()].flatMap(group => {
    const [first] = group
    if (first === undefined) return []
    const layer = layerAt(engine, first, depth, all)
    return [{ ...layer, children: childrenAt(engine, group, depth + 1, all) }]
  })
}

function layerAt(
  { graphRoot }: Engine,
  { chain, diffIds, packedBytes }: Chained,
  depth: number,
  all: readonly Chained[],
): TreeLayer {
  const chainId = chain[depth]
  return {
    id: (diffIds[depth] ?? '').slice('sha256:'.length),
    sizeBytes: (chainId && unpackedBytes(graphRoot, chainId)) ?? packedBytes[depth] ?? 0,
    topOf: all.filter(each => each.chain.at(-1) === chainId).flatMap(({ image }) => image.names),
    children: [],
  }
}

/** Damaged images have no place in the tree. */
function chainedImage(engine: Engine, image: StoredImage): Chained[] {
  try {
    return [chainOf(engine, image)]
  } catch {
    return [] // `system check` tells of it
  }
}

function chainOf({ images }: Engine, image: StoredImage): Chained {
  const { chain, config, manifest } = images.open(image)
  return { image, chain, diffIds: config.rootfs.diff_ids, packedBytes: manifest.layers.map(({ size }) => size) }
}
