// system check, unpacked layers: damaged ones, those an image lacks, those that nothing needs.
import { createReadStream } from 'node:fs'
import { surveyRunning } from '#engine/container/survey.ts'
import type { CheckOptions, StoreProblem } from '#engine/contracts/system.ts'
import { layersInUse, modes, stackOf, sweepLayers } from '#engine/image/layers-in-use.ts'
import type { Engine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { blobPath } from '#image/blobs.ts'
import { withImagesLocked } from '#image/garbage.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { sniffCompression } from '#oci/media-types.ts'
import { checkLayer, type FoundLayer, listLayers, removeLayers } from '#storage/layer-garbage.ts'
import type { LayerMode } from '#storage/layer-paths.ts'
import type { LayerStore } from '#storage/layers.ts'

/** Layers as they lie there, and then the layers that images lack; both are mended from the images' blobs. */
export async function checkLayers(engine: Engine, { repair }: CheckOptions): Promise<StoreProblem[]> {
  const problems: StoreProblem[] = []
  for (const mode of modes) problems.push(...(await checkUnpacked(engine, mode, repair)))
  const told = new Set(problems.map(({ id }) => id))
  const restored = await restoreMissing(engine, repair)
  return [...problems, ...restored.filter(({ id }) => !told.has(id))]
}

/** A damaged layer is removed, for the image's blob to be unpacked again, unless a running container stands on it. */
async function checkUnpacked(engine: Engine, mode: LayerMode, repair: boolean): Promise<StoreProblem[]> {
  const { graphRoot } = engine
  const place = { graphRoot, mode, openNamespace: () => engine.namespace() }
  const running = new Set(surveyRunning(engine).flatMap(({ record }) => stackOf(graphRoot, record?.layer)))
  return await withImagesLocked(graphRoot, async () => {
    const layers = listLayers(place)
    const faults = layers.flatMap(layer => {
      const fault = checkLayer(place, layer, repair)
      return fault === undefined ? [] : [{ layer, ...fault }]
    })
    const removable = new Set<string>(
      faults
        .filter(({ repaired, layer }) => !repaired && !running.has(layer.chainId))
        .map(({ layer }) => layer.chainId),
    )
    if (repair && removable.size > 0)
      await removeLayers(place, new Set(layers.map(({ chainId }) => chainId).filter(id => !removable.has(id))))
    return faults.map(({ layer, problem, repaired }) => ({
      kind: 'layer',
      id: layer.chainId,
      problem: running.has(layer.chainId) && !repaired ? `${problem}; a running container uses it` : problem,
      repaired: repaired || (repair && removable.has(layer.chainId)),
    }))
  })
}

/** Every layer of every image that is not unpacked. */
async function restoreMissing(engine: Engine, repair: boolean): Promise<StoreProblem[]> {
  const { graphRoot, images } = engine
  const unpacked = new Set<string>(modes.flatMap(mode => listLayers({ graphRoot, mode })).map(({ chainId }) => chainId))
  const problems: StoreProblem[] = []
  for (const image of images.list())
    for (const missing of missingLayers(engine, image, unpacked)) {
      unpacked.add(missing.chainId)
      if (repair) await unpackAgain(engine, await engine.layers(), missing)
      const problem = `image ${image.names[0] ?? image.id.slice(0, 12)} needs it, and it is not unpacked`
      problems.push({ kind: 'layer', id: missing.chainId, problem, repaired: repair })
    }
  return problems
}

interface MissingLayer extends Pick<FoundLayer, 'chainId'> {
  parent: FoundLayer['chainId'] | undefined
  diffId: Parameters<LayerStore['unpack']>[0]['diffId']
  blob: Descriptor
}

function missingLayers({ images }: Engine, image: StoredImage, unpacked: ReadonlySet<string>): MissingLayer[] {
  try {
    const { chain, config, manifest } = images.open(image)
    return chain.flatMap((chainId, index) => {
      const [diffId, blob] = [config.rootfs.diff_ids[index], manifest.layers[index]]
      if (unpacked.has(chainId) || diffId === undefined || blob === undefined) return []
      return [{ chainId, parent: chain[index - 1], diffId, blob }]
    })
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'INVALID')) return [] // told of with the images
    throw error
  }
}

async function unpackAgain({ graphRoot }: Engine, layers: LayerStore, missing: MissingLayer): Promise<void> {
  const { chainId, parent, diffId, blob } = missing
  const path = blobPath(graphRoot, blob.digest)
  const chunks = createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>
  await using undo = new AsyncDisposableStack()
  let unpack: Awaited<ReturnType<LayerStore['unpack']>> | undefined
  for await (const chunk of chunks) {
    unpack ??= undo.use(await layers.unpack({ chainId, parent, diffId, compression: sniffCompression(chunk) }))
    await unpack.write(chunk)
  }
  await unpack?.finish()
  await unpack?.commit()
}

/** Layers that no image, pull or container needs, older than `maxAgeMs`. */
export async function checkUnusedLayers(
  engine: Engine,
  { repair, maxAgeMs }: Required<CheckOptions>,
): Promise<StoreProblem[]> {
  const { graphRoot } = engine
  const before = Date.now() - maxAgeMs
  const needed = await withImagesLocked(graphRoot, async () => await layersInUse(engine))
  if (needed === undefined) return [] // something that cannot be read may need them
  const unused = modes
    .flatMap(mode => listLayers({ graphRoot, mode }))
    .filter(({ chainId, createdMs }) => !needed.has(chainId) && createdMs < before)
  const swept = repair ? await sweepLayers(engine, ({ createdMs }) => createdMs < before) : []
  return unused.map(({ chainId, record }) => ({
    kind: 'layer',
    id: chainId,
    problem: `no image and no container needs it (${record?.sizeBytes ?? 0} bytes)`,
    repaired: swept.some(each => each.chainId === chainId),
  }))
}
