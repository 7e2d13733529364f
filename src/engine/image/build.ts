// build: from a Containerfile to an image. Stages that need nothing of each other are built side by side.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BuildCache } from '#build/cache.ts'
import { DigestMemory } from '#build/context/digest.ts'
import { parseContainerfile } from '#build/parse/containerfile.ts'
import { planGraph, resolveFrom, type StageGraph } from '#build/plan/graph.ts'
import { type GivenArgs, globalScope, unusedArgs } from '#build/plan/scope.ts'
import { StepWorkers } from '#build/worker/conversation.ts'
import { containerDir } from '#container/record.ts'
import type { BuildOutcome, BuildRequest } from '#engine/contracts/build.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { openLease } from '#image/lease.ts'
import { fullTagName } from '#image/store.ts'
import { parsePlatform } from '#oci/platform.ts'
import { findLeftovers, openStaging, sweepStaging } from '#storage/staging.ts'
import { type BaseState, imageBase } from './build/base.ts'
import { openBuildContext } from './build/context.ts'
import type { BuildSession } from './build/session.ts'
import { buildStage, type FinishedStage } from './build/stage.ts'
import type { StageFiles } from './build/stage-files.ts'
import { hostPlatform } from './import.ts'

/** The verb. Throws what a step failed with; what was finished before stays in the cache. */
export async function buildImage(request: BuildRequest): Promise<BuildOutcome> {
  const names = request.tags.map(fullTagName)
  const engine = await openEngine()
  const { graphRoot } = engine
  await sweepKilledBuilds(engine)
  await using stack = new AsyncDisposableStack()
  const staging = stack.use(openStaging(graphRoot, 'build', () => engine.namespace()))
  const { context, file: text } = await openBuildContext(request, staging.path)
  const file = parseContainerfile(text.name, text.text)
  const buildPlatform = hostPlatform()
  const platform = request.platform === undefined ? buildPlatform : parsePlatform(request.platform, buildPlatform)
  const args: GivenArgs = { given: request.buildArgs, platform, buildPlatform, target: request.target ?? '' }
  const globals = globalScope(file, args)
  const contexts = new Set(request.contexts.keys())
  const graph = planGraph({
    file,
    globals,
    contexts,
    ...(request.target !== undefined && { target: request.target }),
    ...(request.from !== undefined && { from: request.from }),
    all: !request.skipUnusedStages,
  })
  for (const name of unusedArgs(file, request.buildArgs))
    request.onEvent({ kind: 'warning', text: `[Warning] one or more build args were not consumed: [${name}]` })
  const workers = stack.use(new StepWorkers(() => engine.namespace()))
  const lease = stack.use(await openLease(graphRoot))
  const storage = await engine.storage()
  if (storage.driver.name !== 'overlay')
    throw new TspodError('UNSUPPORTED', `build with the storage driver ${storage.driver.name} is not implemented yet`, {
      hint: storage.reasons.join('; '),
    })
  const memory = new DigestMemory(graphRoot)
  stack.defer(() => memory.save())
  const numbers = { step: 0, folder: 0 }
  const privateRoot = join(engine.runRoot, `build-${process.pid}`)
  stack.defer(() => rmSync(privateRoot, { recursive: true, force: true }))
  const session: Omit<BuildSession, 'filesOf'> = {
    engine,
    request,
    file,
    context,
    args,
    globals,
    platform,
    cache: new BuildCache(graphRoot),
    used: [],
    memory,
    workers,
    lease,
    layers: await engine.layers(),
    storage,
    mode: (await engine.namespace()).mode,
    scratch: staging.path,
    ...timeRule(request),
    nextStep: () => ++numbers.step,
    nextFolder: () => ++numbers.folder,
    privateFolder(name) {
      const folder = join(privateRoot, name)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      return folder
    },
  }
  if (request.cacheFrom.length > 0) {
    const { SharedCache } = await import('./build/import-cache.ts')
    session.shared = stack.use(await SharedCache.open(session))
  }
  const built = await buildStages(session, graph)
  if (request.cacheTo.length > 0) {
    const { exportCache } = await import('./build/export-cache.ts')
    await exportCache(session, built)
  }
  const stage = await squashed({ ...session, filesOf: noFiles }, built)
  if (request.outputs.length > 0) {
    const { writeOutputs } = await import('./build/outputs.ts')
    return await writeOutputs(session, stage, names)
  }
  const { writeImage } = await import('./build/write-image.ts')
  const { image, digest } = await writeImage({ ...session, filesOf: noFiles }, stage, names)
  return { imageId: image.id, digest, names }
}

async function squashed(session: BuildSession, stage: FinishedStage): Promise<FinishedStage> {
  const { squash } = session.request
  if (squash === undefined) return stage
  const { squashStage } = await import('./build/squash.ts')
  return await squashStage(session, stage, squash)
}

/** What builds left that were killed: the first thing seen of one is its staging folder. */
async function sweepKilledBuilds(engine: Engine): Promise<void> {
  const { graphRoot, runRoot } = engine
  if (findLeftovers(graphRoot).length === 0) return
  const openNamespace = async () => await engine.namespace()
  await sweepStaging(graphRoot, openNamespace)
  const { listAbandoned } = await import('#container/unfinished.ts')
  const { removeTree } = await import('#storage/remove-tree.ts')
  for (const id of listAbandoned(graphRoot)) await removeTree(containerDir(graphRoot, id), openNamespace)
  for (const name of readdirSync(runRoot)) {
    const pid = /^build-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeTree(join(runRoot, name), openNamespace)
  }
}

const noFiles: BuildSession['filesOf'] = async () => {
  throw new TspodError('INTERNAL', 'no stage is being built')
}

function timeRule({ timestampSeconds, epochSeconds, rewriteTimes }: BuildRequest): Pick<BuildSession, 'times'> {
  if (timestampSeconds !== undefined) return { times: { kind: 'set', seconds: timestampSeconds } }
  return epochSeconds !== undefined && rewriteTimes ? { times: { kind: 'clamp', seconds: epochSeconds } } : {}
}

/** Every stage begins when those it needs have ended, `--jobs` of them at a time. The first failure ends the others. */
async function buildStages(shared: Omit<BuildSession, 'filesOf'>, graph: StageGraph): Promise<FinishedStage> {
  const { request } = shared
  const running = new Map<number, Promise<FinishedStage>>()
  const stop = new AbortController()
  const signal = AbortSignal.any([request.signal, stop.signal])
  const slots = slotsFor(request.jobs)
  const stageAt = (index: number): Promise<FinishedStage> =>
    running.get(index) ?? Promise.reject(new TspodError('INTERNAL', `stage ${index} is not being built`))
  const images = new Map<string, Promise<BaseState>>()
  const contextBase = (name: string): Promise<BaseState> => namedContext(shared, name, images)
  for (const node of graph.nodes) {
    const filesOf = async (from: string | undefined): Promise<StageFiles> => {
      if (from === undefined) return { kind: 'folder', ...shared.context }
      const ref = resolveFrom(from, node.stage.index, { file: shared.file, contexts: new Set(request.contexts.keys()) })
      if (ref.kind === 'scratch') return { kind: 'layers', name: from, chain: [] }
      if (ref.kind === 'stage') return { kind: 'layers', name: from, chain: (await stageAt(ref.index)).chain }
      if (ref.kind === 'context') {
        const folder = contextFolder(request.contexts.get(ref.name) ?? '')
        if (folder !== undefined) return { kind: 'folder', folder, ignore: [] }
        return { kind: 'layers', name: from, chain: (await contextBase(ref.name)).chain }
      }
      return { kind: 'layers', name: from, chain: (await imageOnce(shared, ref.name, images)).chain }
    }
    const session: BuildSession = { ...shared, request: { ...request, signal }, filesOf }
    const build = async (): Promise<FinishedStage> => {
      await Promise.all(node.needs.map(stageAt))
      return await slots(async () => await buildStage(session, node, { stage: stageAt, contextBase }))
    }
    const stage = build()
    stage.catch((error: unknown) => stop.abort(error))
    running.set(node.stage.index, stage)
  }
  await Promise.allSettled(running.values())
  request.signal.throwIfAborted()
  if (stop.signal.aborted) throw stop.signal.reason as Error

  return await stageAt(graph.target.stage.index)
}

function slotsFor(count: number): <T>(body: () => Promise<T>) => Promise<T> {
  let free = count === 0 ? Number.POSITIVE_INFINITY : count
  const waiting: (() => void)[] = []
  return async body => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve))
    else free--
    try {
      return await body()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

/** An image that several places name is pulled once. */
async function imageOnce(
  session: Omit<BuildSession, 'filesOf'>,
  name: string,
  images: Map<string, Promise<BaseState>>,
): Promise<BaseState> {
  const known = images.get(name) ?? imageBase({ ...session, filesOf: noFiles }, name, undefined, 0)
  images.set(name, known)
  return await known
}

/** The folder that a value of --build-context names; `undefined` for an image. */
function contextFolder(value: string): string | undefined {
  if (/^(?:docker-image|container-image):\/\//.test(value) || value.startsWith('docker://')) return undefined
  if (/^(?:https?|git|ssh|oci-layout):/.test(value))
    throw new TspodError('UNSUPPORTED', `--build-context ${value} is not implemented yet`, {
      hint: 'name a folder, or an image with docker-image://',
    })
  return value
}

async function namedContext(
  session: Omit<BuildSession, 'filesOf'>,
  name: string,
  images: Map<string, Promise<BaseState>>,
): Promise<BaseState> {
  const value = session.request.contexts.get(name) ?? ''
  if (contextFolder(value) !== undefined)
    throw new TspodError('INVALID', `FROM ${name}: the context "${value}" is a folder, must be an image`, {
      hint: `--build-context ${name}=docker-image://IMAGE`,
    })
  return await imageOnce(session, value.replace(/^[a-z-]+:\/\//, ''), images)
}
