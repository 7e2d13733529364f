// build: from a Containerfile to an image. Stages that need nothing of each other are built side by side.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BuildCache, type BuiltLayer } from '#build/cache.ts'
import { DigestMemory } from '#build/context/digest.ts'
import { parseContainerfile } from '#build/parse/containerfile.ts'
import { planGraph } from '#build/plan/graph.ts'
import { type GivenArgs, globalScope, unusedArgs } from '#build/plan/scope.ts'
import { StepWorkers } from '#build/worker/conversation.ts'
import { containerDir } from '#container/record.ts'
import type { BuildOutcome, BuildRequest, CacheTarget } from '#engine/contracts/build.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { openLease } from '#image/lease.ts'
import { fullTagName } from '#image/store.ts'
import { parsePlatform } from '#oci/platform.ts'
import { findLeftovers, makeSpreadFolder, openStaging, sweepStaging } from '#storage/staging.ts'
import { openBuildContext } from './build/context.ts'
import type { BuildSession } from './build/session.ts'
import type { FinishedStage } from './build/stage.ts'
import { afterStages, buildStages, type Session } from './build/stages.ts'
import { hostPlatform } from './import.ts'

/** The verb. Throws what a step failed with; what was finished before stays in the cache. */
export async function buildImage(request: BuildRequest): Promise<BuildOutcome> {
  const names = request.tags.map(fullTagName)
  const engine = await openEngine()
  const { graphRoot } = engine
  await sweepKilledBuilds(engine)
  await using stack = new AsyncDisposableStack()
  const staging = stack.use(openStaging(graphRoot, 'build', () => engine.namespace()))
  // what a RUN writes lies there, and becomes a layer by a rename
  makeSpreadFolder(join(graphRoot, 'containers'))
  const { resources, cgroupParent } = request.run
  if (resources !== undefined || cgroupParent !== undefined)
    await (await import('#engine/container/cgroup.ts')).checkLimits(engine, request.run)
  const { context, file: text } = await openBuildContext(request, staging.path)
  const file = parseContainerfile(text.name, text.text)
  if (file.directives.check !== undefined) {
    const { obeyCheckDirective } = await import('./build-check.ts')
    await obeyCheckDirective(engine, request, file, context.ignore)
  }
  for (const name of unusedArgs(file, request.buildArgs))
    request.onEvent({ kind: 'warning', text: `[Warning] one or more build args were not consumed: [${name}]` })
  const workers = stack.use(new StepWorkers(() => engine.namespace()))
  const lease = stack.use(await openLease(graphRoot))
  const storage = await engine.storage()
  const memory = new DigestMemory(graphRoot)
  stack.defer(() => memory.save())
  const numbers = { step: 0, folder: 0 }
  const privateRoot = join(engine.runRoot, `build-${process.pid}`)
  stack.defer(() => rmSync(privateRoot, { recursive: true, force: true }))
  const privateFolder = (name: string): string => {
    const folder = join(privateRoot, name)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return folder
  }
  const common: CommonSession = {
    engine,
    request,
    file,
    context,
    cache: new BuildCache(graphRoot),
    memory,
    workers,
    lease,
    layers: await engine.layers(),
    storage,
    mode: (await engine.namespace()).mode,
    scratch: staging.path,
    ...timeRule(request),
    used: [],
    agents: await openAgents(request, privateFolder, stack),
    nextStep: () => ++numbers.step,
    nextFolder: () => ++numbers.folder,
    privateFolder,
  }
  const [only, ...others] = request.platforms
  if (others.length === 0 && request.manifest === undefined) return await buildFor(common, only, names)
  const { buildList } = await import('./build/build-list.ts')
  const layers: BuiltLayer[] = []
  const outcome = await buildList(engine, request, names, async (platform, outputs) => {
    const session = { ...common, request: { ...request, outputs, cacheTo: request.cacheTo.filter(isInline) } }
    return await buildFor(session, platform, [], layers)
  })
  await shareCache({ ...common, platform: hostPlatform() }, layers)
  return outcome
}

/** Sockets by the ids of `--ssh`; agents of the build's own end with `stack`. */
async function openAgents(
  { ssh, signal }: BuildRequest,
  privateFolder: (name: string) => string,
  stack: AsyncDisposableStack,
): Promise<Map<string, string>> {
  const sockets = new Map<string, string>()
  for (const [id, wanted] of ssh) {
    if (wanted.kind === 'agent') {
      sockets.set(id, wanted.socket)
      continue
    }
    const { startAgent } = await import('#build/run/ssh-agent.ts')
    const agent = stack.use(await startAgent(wanted.files, privateFolder(`ssh-${sockets.size}`), signal))
    sockets.set(id, agent.socket)
  }
  return sockets
}

/** A session before it is known for which platform. */
type CommonSession = Omit<Session, 'platform' | 'args' | 'globals'>

const isInline = ({ kind }: CacheTarget): boolean => kind === 'inline'

/** Builds for one platform, this machine's where none is named; the image gets these names. What it is made of comes to `layers`. */
async function buildFor(
  common: CommonSession,
  wanted: string | undefined,
  names: string[],
  layers: BuiltLayer[] = [],
): Promise<BuildOutcome> {
  const { request, file } = common
  const buildPlatform = hostPlatform()
  const platform = wanted === undefined ? buildPlatform : parsePlatform(wanted, buildPlatform)
  const args: GivenArgs = { given: request.buildArgs, platform, buildPlatform, target: request.target ?? '' }
  const globals = globalScope(file, args)
  const graph = planGraph({
    file,
    globals,
    contexts: new Set(request.contexts.keys()),
    ...(request.target !== undefined && { target: request.target }),
    ...(request.from !== undefined && { from: request.from }),
    all: !request.skipUnusedStages,
  })
  await using stack = new AsyncDisposableStack()
  const session: Session = { ...common, platform, ...(wanted !== undefined && { wanted }), args, globals }
  if (request.cacheFrom.length > 0) {
    const { SharedCache } = await import('./build/import-cache.ts')
    session.shared = stack.use(await SharedCache.open(session))
  }
  const built = await buildStages(session, graph)
  layers.push(...built.layers)
  await shareCache(session, built.layers)
  const stage = await squashed(afterStages(session), built)
  if (request.outputs.length > 0) {
    const { writeOutputs } = await import('./build/outputs.ts')
    return await writeOutputs(session, stage, names)
  }
  const { writeImage } = await import('./build/write-image.ts')
  const { image, digest } = await writeImage(afterStages(session), stage, names)
  return { imageId: image.id, digest, names }
}

async function shareCache(session: Omit<Session, 'args' | 'globals'>, layers: readonly BuiltLayer[]): Promise<void> {
  if (session.request.cacheTo.every(isInline)) return
  const { exportCache } = await import('./build/export-cache.ts')
  await exportCache(session, layers)
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

function timeRule({ timestampSeconds, epochSeconds, rewriteTimes }: BuildRequest): Pick<BuildSession, 'times'> {
  if (timestampSeconds !== undefined) return { times: { kind: 'set', seconds: timestampSeconds } }
  return epochSeconds !== undefined && rewriteTimes ? { times: { kind: 'clamp', seconds: epochSeconds } } : {}
}
