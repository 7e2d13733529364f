// history: the steps an image was made by, newest first.
import type { HistoryEntry } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { unpackedBytes } from './unpacked-layers.ts'

/** The verb. Only the newest step has an id: those below were images of other stores. */
export async function imageHistory(name: string): Promise<HistoryEntry[]> {
  const engine = await openEngine()
  const { image } = await engine.images.resolve(name)
  const { config, manifest, chain } = engine.images.open(image)
  // an image without a history (it is optional) has a step for each layer
  const steps = config.history ?? chain.map(() => ({ created: config.created }))
  let layer = 0
  const entries = steps.map((step): HistoryEntry => {
    const isEmpty = 'empty_layer' in step && step.empty_layer === true
    const position = isEmpty ? undefined : layer++
    const chainId = position === undefined ? undefined : chain[position]
    const packedBytes = manifest.layers[position ?? -1]?.size ?? 0
    return {
      id: '<missing>',
      createdMs: Date.parse(step.created ?? '') || 0,
      createdBy: ('created_by' in step ? step.created_by : undefined) ?? '',
      sizeBytes: chainId === undefined ? 0 : (unpackedBytes(engine.graphRoot, chainId) ?? packedBytes),
      comment: ('comment' in step ? step.comment : undefined) ?? '',
      tags: [],
    }
  })
  const newestFirst = entries.toReversed()
  const [newest, ...older] = newestFirst
  return newest === undefined ? [] : [{ ...newest, id: image.id, tags: image.names }, ...older]
}
