// A layer that is known by its content, unpacked on top of the layers that a stage has: one of a COPY --link that was made over other
// layers, or one of a cache that is elsewhere.
import type { BuiltLayer } from '#build/cache.ts'
import { sha256Hex } from '#host/bun.ts'
import type { BlobPhase } from '#image/progress.ts'
import { receiveLayer } from '#image/receive-layer.ts'
import type { ImageSource } from '#image/source.ts'
import { storedSource } from '#image/stored-source.ts'
import type { ChainId } from '#oci/digest.ts'
import type { BuildSession, FileState } from './session.ts'

/** Makes it visible where it is not; the whole chain with it. Its blob comes from `source`, by default from the store. Throws NOT_FOUND. */
export async function placeLayer(
  { engine, layers, lease, request }: BuildSession,
  { chain }: FileState,
  { diffId, descriptor }: BuiltLayer,
  source: ImageSource = storedSource(engine.graphRoot, { id: '', digest: descriptor.digest }),
  onPhase: (phase: BlobPhase, doneBytes: number) => void = () => undefined,
): Promise<ChainId[]> {
  const parent = chain.at(-1)
  const chainId = (parent === undefined ? diffId : `sha256:${sha256Hex(`${parent} ${diffId}`)}`) as ChainId
  await lease.protect([descriptor.digest, chainId])
  const { graphRoot: root } = engine
  const { signal } = request
  const job = { root, source, layers, descriptor, diffId, chainId, parent, signal, onPhase }
  await using received = await receiveLayer(job)
  await received.commit()
  return [...chain, chainId]
}
