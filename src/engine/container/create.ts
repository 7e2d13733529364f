// Creates a container on disk: record, writable layer, volumes; nothing runs yet.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { withConfiguredDefaults } from '#container/configured-defaults.ts'
import type { Healthcheck } from '#container/healthcheck.ts'
import { parseLogConfig } from '#container/log-config.ts'
import { checkName } from '#container/name.ts'
import { bearerOf, claimName, findContainer, freeRandomName, nameInUse } from '#container/name-index.ts'
import {
  type ContainerId,
  type ContainerRecord,
  containerDir,
  newContainerId,
  type RecordedMount,
  type RecordedPod,
  readRecord,
  writeRecord,
} from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { holdUnfinished } from '#container/unfinished.ts'
import type { PullOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { Membership } from '#engine/pod/member.ts'
import { during, TspodError } from '#errors.ts'
import { log } from '#log.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { RootSetup } from '#runtime/root-setup.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { type Blueprint, drawBlueprint } from './blueprint.ts'
import { checkLimits } from './cgroup.ts'
import { type ContainerIds, chooseIds, mapsOwner } from './choose-ids.ts'
import { type ChosenImage, chooseImage } from './choose-image.ts'
import type { CidFile } from './id-files.ts'
import { withOwnerIds } from './join-namespaces.ts'
import { planSources } from './mount-sources.ts'
import { resolveMounts } from './resolve-mounts.ts'
import { prepareRoot, rootOf, withFiles, withMtab, withStages } from './root.ts'
import { volumeKeeper } from './volume-keeper.ts'

/** A container on disk, with all that was decided about it. */
export interface CreatedContainer {
  record: ContainerRecord
  blueprint: Blueprint
  root: RootSetup
  /** A container that does not run and whose namespaces it joins: once that runs, all is decided anew (existingContainer). */
  waitsFor: ContainerId | undefined
}

/** The verb: the new container's id. */
export async function createContainer(request: ContainerRequest, pull: PullOptions): Promise<{ id: string }> {
  const engine = await openEngine()
  const { record } = await buildContainer(engine, request, pull)
  return { id: record.id }
}

/** What is decided already about a container that is to be made. */
export interface ContainerPlace {
  /** absent: a new one */
  id?: ContainerId
  /** of an infra container; for members, the request says it */
  pod?: RecordedPod
  /** it is started at once: what its pod has for it must run */
  isStarting?: boolean
}

/** Makes everything of a container but its process; on failure nothing stays. */
export async function buildContainer(
  engine: Engine,
  asked: ContainerRequest,
  pull: PullOptions,
  place: ContainerPlace = {},
): Promise<CreatedContainer> {
  const { graphRoot } = engine
  await using undo = new AsyncDisposableStack()
  const member = asked.pod === undefined ? undefined : await joinPod(engine, asked, pull, place, undo)
  const wanted = member?.request ?? asked
  if (wanted.name !== undefined) await freeName(engine, wanted.name, wanted.replace)
  const request = withOwnerIds(engine, withConfiguredDefaults(wanted, engine.config.containers))
  const cidFile = request.cidFile === undefined ? undefined : await claimCidFile(request.cidFile, undo)
  const image = request.rootfs === undefined ? await chooseImage(engine, request, pull) : undefined
  const id = place.id ?? newContainerId()
  const name = request.name ?? freeRandomName(graphRoot)
  const folder = containerDir(graphRoot, id)
  makeFolder(folder, name)
  using _unfinished = holdUnfinished(folder)
  undo.defer(async () => await removeTree(folder, () => engine.namespace()))
  const ids = await chooseIds(engine, id, request, image)
  const root = await rootOf(engine, request, image, folder, ids.rootIds && { ids: ids.rootIds })
  await prepareRoot(root)
  using volumes = volumeKeeper(engine, root, undo)
  const inherited = inheritedMounts(graphRoot, request)
  const mounts = await resolveMounts(request, image?.volumes ?? [], inherited, {
    volumes,
    image: async text => await chooseImage(engine, { ...request, image: text }, pull),
  })
  const sources = await planSources(engine, folder, mounts, ids)
  if (request.network.kind === 'networks') (await import('./join-networks.ts')).requireNetworks(engine, request.network)
  const blueprint = drawBlueprint(engine, {
    id,
    name,
    request,
    image,
    mounts: sources.resolved,
    ids,
    folders: root.folders,
    rootPath: root.setup.path,
  })
  for (const warning of blueprint.plan.warnings) log.warn(warning)
  await volumes.giveNew(mapsOwner(ids, blueprint.plan.user))
  await sources.prepare(blueprint.plan.user)
  const ports = await portsOf(request, image, blueprint)
  const healthcheck = await healthcheckOf(request, image)
  const record = recordOf(engine, {
    id,
    name,
    request,
    image,
    blueprint,
    mounts,
    ports,
    healthcheck,
    storageDriver: root.driver,
    ids,
    pod: member?.pod ?? place.pod,
  })
  if (request.resources !== undefined || request.cgroupParent !== undefined) await checkLimits(engine, request)
  parseLogConfig(record.logDriver, request.logOpts, folder) // a bad one is refused now, not when the container starts
  if (member === undefined) writeRecord(graphRoot, record)
  else await member.admit(() => writeRecord(graphRoot, record))
  cidFile?.write(id)
  await claimName(graphRoot, name, id)
  undo.move()
  engine.journal({
    type: 'container',
    status: 'create',
    id,
    name,
    image: image?.name,
    attributes: record.labels,
  })
  return {
    record,
    blueprint,
    root: withMtab(withFiles(withStages(root.setup, sources), folder, blueprint, ids), ids),
    waitsFor: ids.joined.waitsFor,
  }
}

/** Loads nothing for a container that is in no pod. */
async function joinPod(
  engine: Engine,
  asked: ContainerRequest,
  pull: PullOptions,
  { isStarting = false }: ContainerPlace,
  undo: AsyncDisposableStack,
): Promise<Membership> {
  const { joinPod: join } = await import('#engine/pod/member.ts')
  return await join(engine, asked, pull, isStarting, undo)
}

function makeFolder(folder: string, name: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw during(`creating container "${name}"`, error)
  }
}

/** Made empty at once, so that nothing is pulled in vain and no other command has it; on failure it goes again. */
async function claimCidFile(path: string, undo: AsyncDisposableStack): Promise<CidFile> {
  const { CidFile: File } = await import('./id-files.ts')
  const file = new File(path)
  undo.defer(() => file.remove())
  return file
}

/** Fails early where the name is taken; `replace` removes whoever has it. */
async function freeName(engine: Engine, name: string, replace: boolean): Promise<void> {
  checkName('container', name)
  const holder = bearerOf(engine.graphRoot, name)
  if (holder === undefined) return
  if (!replace || holder.kind === 'pod') throw nameInUse(name, holder)
  const { removeContainers } = await import('./remove.ts')
  const outcomes = await removeContainers(
    { names: [holder.id], all: false, filters: [], ignoreMissing: true },
    { force: true, volumes: false, depend: false },
  )
  for (const { error } of outcomes) if (error !== undefined) throw error
}

/** The mounts of --volumes-from, `name[:ro|rw|z]`. */
export function inheritedMounts(graphRoot: string, request: ContainerRequest): RecordedMount[] {
  return request.volumesFrom.flatMap(text => {
    const [name = '', words = ''] = text.split(':')
    const unknown = words.split(',').find(word => !['', 'ro', 'rw', 'z'].includes(word))
    if (unknown !== undefined)
      throw new TspodError('INVALID', `--volumes-from "${text}": found the option "${unknown}", must be ro, rw or z`)
    const isReadOnly = words.split(',').includes('ro')
    const { mounts } = readRecord(graphRoot, findContainer(graphRoot, name))
    return mounts
      .filter(({ type }) => type === 'bind' || type === 'volume')
      .map(mount => ({
        ...mount,
        readWrite: mount.readWrite && !isReadOnly,
        chown: undefined,
        options: isReadOnly ? [...mount.options.filter(option => option !== 'rw'), 'ro'] : mount.options,
        anonymous: false,
      }))
  })
}

/** What it publishes. Loads nothing where that is nothing. */
export async function portsOf(
  request: ContainerRequest,
  image: ChosenImage | undefined,
  { network }: Blueprint,
): Promise<PortMapping[]> {
  if (request.publish.length === 0 && !request.publishAll) return []
  const { decidePorts } = await import('./publish.ts')
  return decidePorts(request, image?.exposedPorts ?? [], network.driver)
}

/** Loads nothing where there is none. */
async function healthcheckOf(
  request: ContainerRequest,
  image: ChosenImage | undefined,
): Promise<Healthcheck | undefined> {
  if (request.health === undefined && image?.healthcheck === undefined) return undefined
  const { planHealthcheck } = await import('#container/healthcheck.ts')
  return planHealthcheck(request.health, image?.healthcheck)
}

/** A member goes before its pod's infra container, also where it shares nothing with it. */
function infraOf(pod: RecordedPod | undefined): ContainerId[] {
  return pod?.infraId === undefined || pod.isInfra === true ? [] : [pod.infraId]
}

interface RecordParts {
  id: ContainerId
  name: string
  request: ContainerRequest
  image: ChosenImage | undefined
  blueprint: Blueprint
  mounts: RecordedMount[]
  ports: PortMapping[]
  healthcheck: Healthcheck | undefined
  storageDriver: string
  ids: ContainerIds
  pod: RecordedPod | undefined
}

function recordOf(engine: Engine, parts: RecordParts): ContainerRecord {
  const { id, name, request, image, blueprint, mounts, ids } = parts
  const { containers, engine: engineTable } = engine.config
  const { spec, user, stopSignal } = blueprint.plan
  const logDriver = request.logDriver ?? containers.logDriver
  const args = spec.process?.args ?? []
  const exposed = [...(image?.exposedPorts ?? []), ...request.expose]
  const entrypoint = request.entrypoint ?? image?.defaults.entrypoint ?? []
  return {
    version: 1,
    id,
    name,
    createdMs: Date.now(),
    request,
    ...(image !== undefined && {
      image: { name: image.name, id: image.id, digest: image.digest },
      ...(image.chain.length > 0 && { layer: image.chain.at(-1) }),
    }),
    storageDriver: parts.storageDriver,
    ...(ids.rootIds && { rootIds: ids.rootIds }),
    mounts,
    network: request.network,
    ...(parts.ports.length > 0 && { ports: parts.ports }),
    ...(exposed.length > 0 && { exposed }),
    ...(parts.pod !== undefined && { pod: parts.pod }),
    dependsOn: [
      ...new Set([
        ...infraOf(parts.pod),
        ...ids.joined.ids,
        ...request.volumesFrom.map(text => findContainer(engine.graphRoot, text.split(':')[0] ?? '')),
      ]),
    ],
    ...(spec.hostname !== undefined && { hostname: spec.hostname }),
    entrypoint,
    command: args.slice(request.init ? entrypoint.length + 2 : entrypoint.length),
    workdir: spec.process?.cwd ?? '/',
    user: { uid: user.uid, gid: user.gid },
    labels: { ...image?.labels, ...request.labels },
    stopSignal,
    stopTimeoutSeconds: request.stopTimeoutSeconds ?? engineTable.stopTimeoutSeconds,
    ...(parts.healthcheck && { healthcheck: parts.healthcheck }),
    logDriver,
    ...((logDriver === 'k8s-file' || logDriver === 'json-file') && {
      logPath: request.logOpts.path ?? join(containerDir(engine.graphRoot, id), 'ctr.log'),
    }),
  }
}
