// RUN: a container of its own, seen by no `ps`, that ends with its program; what it wrote becomes a layer.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { proxyNames } from '#build/plan/scope.ts'
import type { RunAction } from '#build/plan/step.ts'
import { runProcess } from '#build/run/process.ts'
import type { MadeLayer } from '#build/worker/protocol.ts'
import { type ContainerId, containerDir, newContainerId, type RecordedMount } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { holdUnfinished } from '#container/unfinished.ts'
import { drawBlueprint } from '#engine/container/blueprint.ts'
import type { PlacedContainer } from '#engine/container/cgroup.ts'
import { chooseIds } from '#engine/container/choose-ids.ts'
import type { ChosenImage } from '#engine/container/choose-image.ts'
import { planSources } from '#engine/container/mount-sources.ts'
import { resolveMounts } from '#engine/container/resolve-mounts.ts'
import { prepareRoot, rootOf, withFiles, withStages } from '#engine/container/root.ts'
import { hostPlatform } from '#engine/image/import.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { foreignObstacle } from '#host/binfmt.ts'
import { formatPlatform, type Platform } from '#oci/platform.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { openRunMounts } from './run-mounts.ts'
import { type BuildSession, type FileState, writtenOver } from './session.ts'

const SIGKILL = 9

export interface FinishedRun extends AsyncDisposable {
  /** a folder with the layer */
  folder: string
  made: MadeLayer
}

/** Runs it and commits what it changed. Throws with the program's exit status where that is not 0. */
export async function runStep(
  session: BuildSession,
  action: RunAction,
  state: FileState & { platform: Platform },
  onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void,
): Promise<FinishedRun> {
  const { engine } = session
  refuseForeign(state)
  const id = newContainerId()
  const folder = containerDir(engine.graphRoot, id)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => await removeTree(folder, () => engine.namespace()))
  const lock = holdUnfinished(folder)
  if (lock !== undefined) stack.use(lock)
  const mounts = stack.use(await openRunMounts(session, action, folder))
  const request = runRequest(session, action, mounts.env)
  const image: ChosenImage = {
    name: '',
    id: '',
    digest: '',
    defaults: { env: action.env, workdir: action.workdir, ...(action.user !== '' && { user: action.user }) },
    volumes: [],
    exposedPorts: [],
    labels: {},
    chain: state.chain,
  }
  const ids = await chooseIds(engine, id, request, image)
  const root = await rootOf(engine, request, image, folder)
  await prepareRoot(root)
  const script = action.script && scriptMount(folder, action.script)
  const wanted = await resolveMounts(request, [], [], {
    volumes: {
      open: async () => {
        throw new TspodError('UNSUPPORTED', 'volumes in a build are not implemented yet: --volume takes a folder')
      },
    } as never,
    image: async () => {
      throw new TspodError('UNSUPPORTED', 'mounts of images by --volume are not implemented yet')
    },
  })
  const recorded: RecordedMount[] = [...wanted, ...mounts.recorded, ...(script === undefined ? [] : [script])]
  const sources = await planSources(engine, folder, recorded, ids)
  const blueprint = drawBlueprint(engine, {
    id,
    name: id.slice(0, 12),
    request,
    image,
    mounts: sources.resolved,
    ids,
    folders: root.folders,
    rootPath: root.setup.path,
  })
  await sources.prepare(blueprint.plan.user)
  for (const [name, content] of Object.entries(blueprint.files))
    writeFileSync(join(folder, name), content, { mode: typeof content === 'string' ? 0o644 : 0o755 })
  const { spec, cgroup } = await placeRun(engine, id, request, blueprint.plan.spec)
  const status = await runProcess({
    spec,
    namespace: await engine.namespace(),
    root: withFiles(withStages(root.setup, sources), folder, blueprint, ids),
    network: blueprint.network.driver,
    cgroup,
    sockets: session.privateFolder(id.slice(0, 12)),
    onOutput,
    signal: session.request.signal,
  })
  session.request.signal.throwIfAborted()
  if (status.code !== 0) throw new StepFailed(status.code, status.signal)
  const { layer } = await session.workers.ask({
    do: 'commit',
    folder,
    ...parentOf(state),
    ...(session.times && { times: session.times }),
    mountPoints: (spec.mounts ?? []).map(({ destination }) => destination),
    ...writtenOver(session, state.chain),
  })
  if (layer === undefined) throw new TspodError('INTERNAL', 'the worker of the build made no layer')
  const kept = stack.move()
  return { folder, made: layer, [Symbol.asyncDispose]: async () => await kept.disposeAsync() }
}

/** In a control group of its own where something is asked of that; a build of many short steps makes none for nothing. */
async function placeRun(
  engine: Engine,
  id: ContainerId,
  request: ContainerRequest,
  spec: RuntimeSpec,
): Promise<PlacedContainer> {
  if (request.resources === undefined && request.cgroupParent === undefined) return { spec, cgroup: undefined }
  const { placeInCgroup } = await import('#engine/container/cgroup.ts')
  const about = { id, name: `RUN of a build, ${id.slice(0, 12)}`, request, stopSignal: SIGKILL, stopTimeoutSeconds: 0 }
  return await placeInCgroup(engine, about, spec, true)
}

/** Programs for another processor need an interpreter. */
function refuseForeign({ platform }: FileState & { platform: Platform }): void {
  const obstacle = foreignObstacle(platform.architecture, hostPlatform().architecture)
  if (obstacle === undefined) return
  const { found, hint } = obstacle
  throw new TspodError('UNSUPPORTED', `running a program for ${formatPlatform(platform)}: ${found}`, {
    hint: `${hint}; COPY, ADD and the rest need none`,
  })
}

export const parentOf = ({ chain }: FileState) => {
  const parent = chain.at(-1)
  return parent === undefined ? {} : { parent }
}

/** A program of a RUN that ended with another status than 0. */
export class StepFailed extends Error {
  readonly exitCode: number
  readonly signal: number | undefined

  constructor(exitCode: number, signal: number | undefined) {
    super(signal === undefined ? `exit status ${exitCode}` : `killed by signal ${signal}`)
    this.exitCode = exitCode
    this.signal = signal
  }
}

function scriptMount(folder: string, { path, content }: NonNullable<RunAction['script']>): RecordedMount {
  const source = join(folder, 'script')
  writeFileSync(source, content)
  chmodSync(source, 0o755)
  return { type: 'bind', source, destination: path, readWrite: false, options: ['bind', 'rprivate', 'ro'] }
}

function runRequest({ request, args }: BuildSession, action: RunAction, extraEnv: string[]): ContainerRequest {
  const { run } = request
  const proxies = proxyNames.flatMap(name => {
    const value = args.given.get(name) ?? (run.httpProxy ? process.env[name] : undefined)
    return value === undefined ? [] : [`${name}=${value}`]
  })
  return {
    unsaid: [],
    command: action.args,
    entrypoint: [],
    env: [...proxies, ...extraEnv],
    envFiles: [],
    envHost: false,
    envMerge: [],
    unsetEnv: [],
    unsetEnvAll: false,
    httpProxy: false,
    groupAdd: run.groupAdd,
    labels: {},
    annotations: {},
    interactive: false,
    tty: false,
    // by the build, when it has become a layer: what is written is to last
    remove: false,
    detach: false,
    init: false,
    privileged: false,
    readOnly: false,
    readOnlyTmpfs: false,
    capAdd: run.capAdd,
    capDrop: run.capDrop,
    securityOpts: run.securityOpts,
    sysctls: {},
    ulimits: run.ulimits,
    devices: run.devices,
    mounts: run.mounts,
    volumesFrom: [],
    imageVolumes: 'ignore',
    ...(run.shmSizeBytes !== undefined && { shmSizeBytes: run.shmSizeBytes }),
    ...(run.resources && { resources: run.resources }),
    ...(run.cgroupParent !== undefined && { cgroupParent: run.cgroupParent }),
    userns: { kind: 'default' },
    uidMap: [],
    gidMap: [],
    pid: { kind: 'private' },
    ipc: { kind: 'private' },
    uts: { kind: 'private' },
    cgroupns: { kind: 'private' },
    network: action.network === 'default' ? run.network : { kind: action.network },
    dns: run.dns,
    dnsSearch: run.dnsSearch,
    dnsOptions: run.dnsOptions,
    addHosts: run.addHosts,
    noHosts: false,
    noHostname: false,
    expose: [],
    publish: [],
    publishAll: false,
    portFallback: false,
    logOpts: {},
    replace: false,
    pull: 'never',
    hooksDirs: [],
    preserveFds: 0,
    passwd: false,
    hostUsers: [],
  }
}
