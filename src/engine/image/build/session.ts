// What all stages of one build share: the engine's parts, the context, the cache, workers, and the numbers that events carry.
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildCache, BuiltLayer, CacheRecord } from '#build/cache.ts'
import type { DigestMemory } from '#build/context/digest.ts'
import type { Containerfile } from '#build/parse/containerfile.ts'
import type { GivenArgs, GlobalScope } from '#build/plan/scope.ts'
import type { UsedRecord } from '#build/shared-cache.ts'
import type { StepWorkers } from '#build/worker/conversation.ts'
import type { MadeLayer, TimeRule } from '#build/worker/protocol.ts'
import type { BuildRequest } from '#engine/contracts/build.ts'
import type { Engine, EngineStorage } from '#engine/open.ts'
import { sha256Hex } from '#host/bun.ts'
import { blobPath, blobSize } from '#image/blobs.ts'
import type { Lease } from '#image/lease.ts'
import type { ChainId } from '#oci/digest.ts'
import { ociLayer } from '#oci/media-types.ts'
import type { Platform } from '#oci/platform.ts'
import type { LayerMode } from '#storage/layer-paths.ts'
import { publishLayer } from '#storage/layer-store.ts'
import type { LayerStore } from '#storage/layers.ts'
import type { OpenContext } from './context.ts'
import type { SharedCache } from './import-cache.ts'
import type { StageFiles } from './stage-files.ts'

export interface BuildSession {
  engine: Engine
  request: BuildRequest
  file: Containerfile
  context: OpenContext
  args: GivenArgs
  globals: GlobalScope
  platform: Platform
  /** the same as it was asked for; absent: nobody asked, and it is this machine's */
  wanted?: string
  cache: BuildCache
  /** `--cache-from` */
  shared?: SharedCache
  /** records that this build used or made, in order */
  used: UsedRecord[]
  memory: DigestMemory
  workers: StepWorkers
  lease: Lease
  layers: LayerStore
  storage: EngineStorage
  mode: LayerMode
  /** a folder of this build's own in the store */
  scratch: string
  times?: TimeRule
  /** sockets of agents, by the ids of `--ssh` */
  agents: ReadonlyMap<string, string>
  nextStep: () => number
  nextFolder: () => number
  /** what a name after `from=` means to the stage that runs; the context without one */
  filesOf: (from: string | undefined) => Promise<StageFiles>
  /** a folder of this name in a private one, in memory where this machine has that; gone at the end */
  privateFolder: (name: string) => string
}

/** Layers from the lowest, and what a container needs to be made of them. */
export interface FileState {
  chain: ChainId[]
  layers: BuiltLayer[]
}

/** What a worker is told of a folder in which something is written over layers. */
export function writtenOver({ storage }: Pick<BuildSession, 'storage'>, chain: readonly ChainId[]) {
  return { driver: storage.driver.name, lower: chain.toReversed().map(storage.diffFolder) }
}

/** The record of a key, if all it names is still there. */
export function findCached({ cache, request, layers, engine }: BuildSession, key: string): CacheRecord | undefined {
  const newest = request.cacheTtlMs === undefined ? 0 : Date.now() - request.cacheTtlMs
  const record = cache.find(key, newest)
  if (record === undefined) return undefined
  const top = record.chain.at(-1)
  if (top !== undefined && !layers.has(top)) return undefined
  const { layer } = record
  if (layer !== undefined && blobSize(engine.graphRoot, layer.descriptor.digest) !== layer.descriptor.size)
    return undefined
  return record
}

/** Makes a layer that a worker left in `folder` part of the store. */
export async function adoptLayer(
  { engine, lease, mode }: BuildSession,
  folder: string,
  state: FileState,
  made: MadeLayer,
): Promise<{ layer: BuiltLayer; chainId: ChainId }> {
  const { graphRoot } = engine
  const { diffId, archiveBytes, sizeBytes } = made
  const below = state.chain.at(-1)
  const chainId = (below === undefined ? diffId : `sha256:${sha256Hex(`${below} ${diffId}`)}`) as ChainId
  await lease.protect([diffId, chainId])
  const blob = blobPath(graphRoot, diffId)
  if (!existsSync(blob)) renameSync(join(folder, 'layer.tar'), blob)
  publishLayer({ graphRoot, mode }, join(folder, 'layer'), chainId)
  return {
    layer: { diffId, sizeBytes, descriptor: { mediaType: ociLayer, digest: diffId, size: archiveBytes } },
    chainId,
  }
}
