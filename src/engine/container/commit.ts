// commit: an image of what a container has become. Its layer is what the container's writable layer holds; nothing is compared.
import { join } from 'node:path'
import { type ContainerId, type ContainerRecord, containerDir, readRecord } from '#container/record.ts'
import type { CommitOptions, ContainerName, Outcome } from '#engine/contracts/container.ts'
import { hostPlatform, storeImage } from '#engine/image/import.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { expectLongLife } from '#host/bun.ts'
import { applyChanges } from '#image/config-changes.ts'
import { newImageSource, writeLayerFile } from '#image/new-image.ts'
import type { PackLayerRequest } from '#image/pack-worker.ts'
import { fullTagName } from '#image/store.ts'
import type { Digest } from '#oci/digest.ts'
import type { ExecutionConfig, ImageConfig } from '#oci/image-config.ts'
import type { ImageManifest } from '#oci/manifest.ts'
import { normalizePlatform } from '#oci/platform.ts'
import { signalName } from '#oci/signal.ts'
import { readRootWorker } from '#storage/root-worker.ts'
import { openStaging } from '#storage/staging.ts'
import { givenPaths } from './diff.ts'
import { specOf } from './inspect.ts'
import { accessRoot } from './root-access.ts'
import { findOne } from './select.ts'
import { seeContainer } from './survey.ts'

interface Base {
  root: string
  manifest: ImageManifest
  config: ImageConfig
}

/** The verb: the new image's id. */
export async function commitContainer(
  name: ContainerName,
  reference: string | undefined,
  options: CommitOptions,
): Promise<{ id: string }> {
  const engine = await openEngine()
  expectLongLife()
  const names = reference === undefined ? [] : [fullTagName(reference)]
  const id = findOne(engine, name)
  const record = readRecord(engine.graphRoot, id)
  const base = record.image === undefined ? undefined : baseOf(engine, record.image.digest as Digest)
  const execution = applyChanges(await executionOf(engine, record, base?.config, options), options.changes)
  // a copy has no layer of its own, and a folder of the user's no image below it
  const isWhole = options.squash || base === undefined || record.storageDriver === 'copy'
  await using staging = openStaging(engine.graphRoot, 'commit', () => engine.namespace())
  const layer = await whilePaused(engine, id, options.pause, async () => {
    const stream = isWhole ? await wholeTree(engine, record) : await ownLayer(engine, record)
    return await writeLayerFile(stream, staging.path, `container ${id}`)
  })
  const platform = base === undefined ? hostPlatform() : normalizePlatform(base.config)
  const source = newImageSource(layer, {
    platform,
    execution,
    createdBy: [...record.entrypoint, ...record.command].join(' '),
    comment: options.message ?? '',
    author: options.author,
    created: new Date(),
    family: options.format,
    ...(isWhole ? {} : { base }),
  })
  const image = await storeImage(engine, source, { names, platform, onProgress: options.onProgress })
  const attributes = record.labels
  engine.journal({ type: 'container', status: 'commit', id, name: record.name, image: names[0], attributes })
  return { id: image.id }
}

/** One that does not run, or is paused already, stays as it is. */
async function whilePaused<T>(engine: Engine, id: ContainerId, isWanted: boolean, body: () => Promise<T>): Promise<T> {
  if (!isWanted || seeContainer(engine, id).status !== 'running') return await body()
  const { pauseContainers, unpauseContainers } = await import('./pause.ts')
  const selection = { names: [id], all: false, filters: [], ignoreMissing: false }
  await mustSucceed(pauseContainers(selection))
  try {
    return await body()
  } finally {
    await mustSucceed(unpauseContainers({ ...selection, ignoreMissing: true }))
  }
}

async function mustSucceed(outcomes: Promise<Outcome[]>): Promise<void> {
  for (const { error } of await outcomes) if (error !== undefined) throw error
}

function baseOf(engine: Engine, digest: Digest): Base {
  const { manifest, config } = engine.images.open({ digest })
  return { root: engine.graphRoot, manifest, config }
}

/** The writable layer as an archive. */
async function ownLayer(engine: Engine, record: ContainerRecord): Promise<AsyncIterable<Uint8Array>> {
  const folder = join(containerDir(engine.graphRoot, record.id), 'upper')
  const request: PackLayerRequest = {
    folder,
    // places of mounts: empty files and folders that were made for them
    without: [...givenPaths, ...record.mounts.map(({ destination }) => destination)].filter(path => path !== '/run'),
    ...(record.rootIds && { ids: record.rootIds }),
  }
  return readRootWorker(await engine.namespace(), { calls: [], root: folder }, 'pack-layer', request)
}

/** The whole root file system, without what is mounted on it. */
async function wholeTree(engine: Engine, record: ContainerRecord): Promise<AsyncIterable<Uint8Array>> {
  const plan = await accessRoot(engine, record.id, false)
  return readRootWorker(await engine.namespace(), plan, 'pack', { root: plan.root, path: '', as: '', ids: plan.ids })
}

/** How the container was run becomes how the image is run. */
async function executionOf(
  engine: Engine,
  record: ContainerRecord,
  base: ImageConfig | undefined,
  { includeVolumes }: CommitOptions,
): Promise<ExecutionConfig> {
  const config = base?.config ?? {}
  const spec = await specOf(engine, record, containerDir(engine.graphRoot, record.id))
  const env = environmentOf(record, spec?.process?.env ?? [], config.Env ?? [])
  const user = record.request.user ?? config.User
  const volumes = includeVolumes ? record.mounts.map(({ destination }) => [destination, {}] as const) : []
  const allVolumes = { ...config.Volumes, ...Object.fromEntries(volumes) }
  const ports = exposedPorts(record)
  return {
    ...config,
    ...(env.length > 0 && { Env: env }),
    ...(record.entrypoint.length > 0 && { Entrypoint: record.entrypoint }),
    ...(record.command.length > 0 && { Cmd: record.command }),
    ...(user !== undefined && user !== '' && { User: user }),
    ...(record.workdir !== '' && { WorkingDir: record.workdir }),
    ...(Object.keys(record.labels).length > 0 && { Labels: { ...config.Labels, ...record.labels } }),
    ...(Object.keys(allVolumes).length > 0 && { Volumes: allVolumes }),
    ...(ports !== undefined && { ExposedPorts: { ...config.ExposedPorts, ...ports } }),
    ...(record.request.stopSignal !== undefined && { StopSignal: signalName(record.stopSignal) }),
  }
}

function exposedPorts({ request }: ContainerRecord): Record<string, object> | undefined {
  const ports = request.expose
  if (ports.length === 0) return undefined
  return Object.fromEntries(ports.map(port => [port.includes('/') ? port : `${port}/tcp`, {}]))
}

/** The image's variables and those that were asked for; not what every container gets, nor all of the host's. */
function environmentOf(
  { request }: ContainerRecord,
  processEnv: readonly string[],
  imageEnv: readonly string[],
): string[] {
  const nameOf = (entry: string) => entry.split('=', 1)[0] ?? entry
  const values = new Map(processEnv.map(entry => [nameOf(entry), entry]))
  const wanted = new Set([...imageEnv, ...request.env, ...request.envMerge].map(nameOf))
  if (request.envFiles.length > 0 && !request.envHost)
    for (const name of values.keys()) if (!isEverywhere(name)) wanted.add(name)
  return [...wanted].flatMap(name => values.get(name) ?? imageEnv.find(entry => nameOf(entry) === name) ?? [])
}

const isEverywhere = (name: string): boolean => /^(TERM|container|HOSTNAME|HOME|(https?|ftp|no)_proxy)$/i.test(name)
