// pull: images from registries, each into the store with its layers unpacked.

import type { PulledImage, PullOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { pullImage as fetchImage, listRemoteNames, type PullImageOptions, type PullOutcome } from '#image/pull.ts'
import { unpackStoredImage } from '#image/stored-source.ts'
import { normalizePlatform } from '#oci/platform.ts'
import type { LayerStore } from '#storage/layers.ts'
import { sweepLeftovers } from '#storage/staging.ts'

/** The verb: one name, or every tag of a repository with `allTags`. */
export async function pullImage(name: string, options: PullOptions & { allTags: boolean }): Promise<PulledImage[]> {
  const engine = await openEngine()
  const layers = await engine.layers()
  const wanted = fetchOptions(engine, options)
  const names = options.allTags ? await listRemoteNames(engine.images, layers, name, wanted) : [name]
  await sweepLeftovers(engine.graphRoot, async () => await engine.namespace()) // a disk that a killed pull filled has room again
  const pulled: PulledImage[] = []
  for (const each of names) pulled.push(await pullOne(engine, layers, each, wanted))
  return pulled
}

async function pullOne(
  engine: Engine,
  layers: LayerStore,
  text: string,
  options: PullImageOptions,
): Promise<PulledImage> {
  const first = await fetchImage(engine.images, layers, text, options)
  // it may be here with layers that were unpacked for other subordinate ids
  const isComplete = first.isFetched || isUnpacked(engine, layers, first)
  const outcome = isComplete ? first : await unpackAgain(engine, layers, first, options)
  const { image, name } = outcome
  if (outcome.isFetched) engine.journal({ type: 'image', status: 'pull', id: image.id, name, attributes: image.labels })
  return { id: image.id, name }
}

/** From the blobs in the store where they are whole, else from the registry. */
async function unpackAgain(
  engine: Engine,
  layers: LayerStore,
  outcome: PullOutcome,
  options: PullImageOptions,
): Promise<PullOutcome> {
  const { onProgress = () => undefined, signal = new AbortController().signal, parallel = 3 } = options
  const image = await unpackStoredImage(outcome.image, { store: engine.images, layers, parallel, onProgress, signal })
  if (image !== undefined) return { ...outcome, image }
  return await fetchImage(engine.images, layers, outcome.name, { ...options, policy: 'always' })
}

function isUnpacked({ images }: Engine, layers: LayerStore, { image }: PullOutcome): boolean {
  return images.open(image).chain.every(chainId => layers.has(chainId))
}

/** What was asked for over what containers.conf says. */
function fetchOptions({ config }: Engine, options: PullOptions): PullImageOptions {
  const { retry, imageParallelCopies, pullPolicy } = config.engine
  return {
    policy: options.policy ?? pullPolicy,
    host: normalizePlatform({ os: 'linux', architecture: process.arch }),
    platform: options.platform,
    authFile: options.authFile,
    certDir: options.certDir,
    credentials: options.credentials,
    tlsVerify: options.tlsVerify,
    retries: options.retries ?? retry,
    retryDelayMs: options.retryDelayMs,
    ...(imageParallelCopies > 0 && { parallel: imageParallelCopies }),
    onProgress: options.onProgress,
    signal: options.signal,
    budgetBytes: options.budgetBytes,
  }
}
