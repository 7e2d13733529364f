// `--squash` and `--squash-all`: the layers that a build made, or all of them, as one.
import type { BuiltLayer, CacheRecord } from '#build/cache.ts'
import { cacheKey } from '#build/cache.ts'
import { TspodError } from '#errors.ts'
import type { ChainId } from '#oci/digest.ts'
import type { HistoryStep } from '#oci/image-config.ts'
import { newLayer, performCopy } from './copy-step.ts'
import { adoptLayer, type BuildSession, type FileState, findCached } from './session.ts'
import { createdMs, type FinishedStage } from './stage.ts'

/** What is merged: layers above the base, or everything. */
export type Squash = 'new' | 'all'

/** The stage with one layer in place of several; the stage itself where there is at most one. The merge is remembered like a step. */
export async function squashStage(session: BuildSession, stage: FinishedStage, squash: Squash): Promise<FinishedStage> {
  const kept = squash === 'all' ? 0 : stage.baseLayers
  if (stage.layers.length - kept <= 1) return stage
  const base: FileState = { chain: stage.chain.slice(0, kept), layers: stage.layers.slice(0, kept) }
  const { times, mode, cache, lease } = session
  const key = cacheKey({ version: 1, squash, mode, times, below: base.chain.at(-1) ?? '', top: stage.chain.at(-1) })
  const record = (session.request.noCache === false ? findCached(session, key) : undefined) ?? (await merge())
  const { layer } = record
  if (layer === undefined) throw new TspodError('INTERNAL', 'merging layers made no layer')
  await lease.protect([...record.chain, layer.descriptor.digest])
  return withLayer(session, stage, { base, layer, chain: record.chain, createdMs: record.createdMs }, kept)

  async function merge(): Promise<CacheRecord> {
    const { folder, made } = squash === 'all' ? await copyAll(session, stage) : await mergeNew(session, stage, base)
    const adopted = await adoptLayer(session, folder, base, made)
    const chain = [...base.chain, adopted.chainId]
    const result = {
      version: 1,
      chain,
      layer: adopted.layer,
      createdMs: Date.now(),
      shown: `squash ${squash}`,
    } as const
    cache.put(key, result)
    return result
  }
}

async function mergeNew(session: BuildSession, { chain }: FinishedStage, base: FileState) {
  const { folder, request } = await newLayer(session, base, true)
  const layers = chain.slice(base.chain.length).toReversed().map(session.storage.diffFolder)
  const { layer } = await session.workers.ask({
    do: 'merge',
    folder,
    ...(request.parent !== undefined && { parent: request.parent }),
    ...(request.times && { times: request.times }),
    layers,
    hasBase: base.chain.length > 0,
  })
  if (layer === undefined) throw new TspodError('INTERNAL', 'the worker of the build made no layer')
  return { folder, made: layer }
}

/** Everything that a container would see: what `COPY --link --from=stage / /` in an empty stage makes. */
async function copyAll(session: BuildSession, { chain, name }: FinishedStage) {
  const action = {
    kind: 'copy',
    unpack: false,
    sources: [{ kind: 'path', pattern: '/' }],
    destination: '/',
    link: true,
    parents: false,
    exclude: [],
    keepGitDir: false,
  } as const
  return await performCopy(
    session,
    { ...action, sources: [...action.sources], exclude: [] },
    { chain: [], layers: [] },
    { key: undefined, files: { kind: 'layers', name, chain }, owner: 'keep', fetched: {} },
  )
}

function withLayer(
  session: BuildSession,
  stage: FinishedStage,
  made: { base: FileState; layer: BuiltLayer; chain: ChainId[]; createdMs: number },
  kept: number,
): FinishedStage {
  const merged = stage.layers.length - kept
  const layers = [...made.base.layers, made.layer]
  const created = new Date(createdMs(session, made.createdMs)).toISOString()
  const step: HistoryStep = { created, created_by: '', comment: `merge of ${merged} layers` }
  const isNew = (index: number): boolean => kept === 0 || index >= stage.baseHistory
  const before = stage.history.map((each, index) => (isNew(index) ? { ...each, empty_layer: true } : each))
  return {
    ...stage,
    chain: made.chain,
    layers,
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    history: [...before, step],
  }
}
