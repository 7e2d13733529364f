// --explain: what creating and starting a container would do, as shell commands. Nothing of the container comes to be, on disk or elsewhere.
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { withConfiguredDefaults } from '#container/configured-defaults.ts'
import { readTakenIds } from '#container/held-ids.ts'
import { freeRandomName } from '#container/name-index.ts'
import { containerDir, newContainerId } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { hostUser } from '#host/user.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { ChainId } from '#oci/digest.ts'
import { keepsGroups } from '#runtime/create.ts'
import { quoted } from '#runtime/plan/paths.ts'
import type { RootSetup } from '#runtime/root-setup.ts'
import { writeScript } from '#runtime/script.ts'
import { giveCalls } from '#storage/inside-owner.ts'
import { layerFolder } from '#storage/layer-paths.ts'
import { mappedLayers, ownerChanger } from '#storage/root-ids.ts'
import type { IdMappings } from '#userns/id-mapping.ts'
import { type Blueprint, drawBlueprint } from './blueprint.ts'
import { type ContainerIds, chooseIds } from './choose-ids.ts'
import { chooseImage } from './choose-image.ts'
import { inheritedMounts, portsOf } from './create.ts'
import { requireOwner } from './join-namespaces.ts'
import { planSources } from './mount-sources.ts'
import { resolveMounts } from './resolve-mounts.ts'
import { type ContainerRoot, rootOf, withFiles, withMtab } from './root.ts'
import type { VolumeKeeper } from './volume-keeper.ts'

/** With what it shares with its pod. */
async function inPod(engine: Engine, asked: ContainerRequest, name: string): Promise<ContainerRequest> {
  const { planMember } = await import('#container/pod/member.ts')
  const { findPod } = await import('#engine/pod/find.ts')
  return planMember(asked, findPod(engine, name))
}

/** The verb: lines of a script for bash. The image must be there; volumes and folders that are not would be made by the script. */
export async function explainContainer(asked: ContainerRequest): Promise<string[]> {
  const { isRoot, insideUserNamespace } = hostUser() // before the engine gives up being root
  const engine = await openEngine()
  const { graphRoot } = engine
  const planned = asked.pod === undefined ? asked : await inPod(engine, asked, asked.pod)
  const request = withConfiguredDefaults({ ...planned, pull: 'never' }, engine.config.containers)
  const image = request.rootfs === undefined ? await chooseImage(engine, request, {}) : undefined
  const id = newContainerId()
  const folder = containerDir(graphRoot, id)
  const ids = await chooseIds(engine, id, request, image, async (store, _id, choose) => choose(readTakenIds(store)))
  requireOwner(engine, ids.joined)
  const root = await rootOf(engine, request, image, folder, ids.rootIds && { ids: ids.rootIds })
  requireLayers(graphRoot, root)
  const newFolders: string[] = []
  const drawn = drawVolumes(engine, newFolders)
  const mounts = await resolveMounts(request, image?.volumes ?? [], inheritedMounts(graphRoot, request), {
    volumes: drawn.keeper,
    image: async text => await chooseImage(engine, { ...request, image: text }, {}),
    makeFolder: path => newFolders.push(path),
  })
  const sources = await planSources(engine, folder, mounts, ids)
  if (sources.stages.length > 0) throw sourceRefusal()
  const blueprint = drawBlueprint(engine, {
    id,
    name: request.name ?? freeRandomName(graphRoot),
    request,
    image,
    mounts: sources.resolved,
    ids,
    folders: root.folders,
    rootPath: root.setup.path,
  })
  const { mode, mappings } = await engine.namespace()
  const { spec } = blueprint.plan
  const facts = {
    spec,
    root: withMtab(withFiles(withUpperOwner(root, folder, ids), folder, blueprint, ids), ids),
    mode,
    mappings,
    ...(isRoot && !insideUserNamespace && { mappedRoot: idsOf(mappings) }),
    process: {
      keepGroups: keepsGroups(spec, { mode }),
      lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
      seccomp: undefined,
    },
    isFolder: (source: string) =>
      newFolders.includes(source) || (statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? false),
    hasSetpriv: hasSetpriv(root.folders),
    helper: helperWords(blueprint, await portsOf(request, image, blueprint)),
    folder,
    fills: drawn.fills,
  }
  return writeScript(facts, [
    ...fileLines(folder, root.driver, blueprint),
    ...newFolders.map(path => `mkdir -p ${quoted(path)}`),
  ])
}

/** On the host, the root of a namespace. */
function idsOf({ uid, gid }: IdMappings): { uid: number; gid: number } {
  return { uid: uid[0]?.outsideId ?? 0, gid: gid[0]?.outsideId ?? 0 }
}

/** Copies are no work for a few commands. */
function requireLayers(graphRoot: string, { storage }: ContainerRoot): void {
  const { driver, request } = storage ?? {}
  if (driver?.name === 'copy')
    throw new TspodError('UNSUPPORTED', '--explain where every container has a copy of its image', {
      hint: '`tspod info` says why overlay does not serve here',
    })
  const ids = request?.ids
  if (driver?.name !== 'overlay' || ids === undefined) return
  const isMissing = (chainId: ChainId) => !existsSync(layerFolder(graphRoot, mappedLayers(ids), chainId))
  if (request?.chain.some(isMissing) === true)
    throw new TspodError('UNSUPPORTED', '--explain: there is no copy of the image for this mapping of ids yet', {
      hint: 'run it once without --explain, which makes one; the package fuse-overlayfs does without copies',
    })
}

/** Overlay shows the owner that the upper folder has on the disk; fuse-overlayfs changes it on the way. */
function withUpperOwner({ driver, setup }: ContainerRoot, folder: string, { rootIds }: ContainerIds): RootSetup {
  if (rootIds === undefined || driver !== 'overlay') return setup
  const { uid, gid } = ownerChanger(rootIds)({ uid: 0, gid: 0 })
  return { ...setup, stages: [{ calls: giveCalls([join(folder, 'upper')], uid, gid) }, ...setup.stages] }
}

function sourceRefusal(): TspodError {
  return new TspodError(
    'UNSUPPORTED',
    '--explain with image mounts, subpaths or the option O: these are mounted only for a container that exists',
  )
}

/** Volumes that are there, and those that would be made, with what they would be filled with. */
function drawVolumes(
  engine: Engine,
  newFolders: string[],
): { keeper: VolumeKeeper; fills: { destination: string; folder: string }[] } {
  const fills: { destination: string; folder: string }[] = []
  const keeper: VolumeKeeper = {
    async open(wanted, destination, copyUp) {
      const volumes = await import('#storage/volumes.ts')
      const { volumePlace } = await import('#engine/volume/place.ts')
      const place = volumePlace(engine)
      const name = wanted === '' ? volumes.randomVolumeName() : wanted
      const record = volumes.readVolume(place, name)
      const folder = volumes.volumeData(place, name)
      if (record === undefined) newFolders.push(folder)
      if (copyUp && record?.needsCopyUp !== false) fills.push({ destination, folder })
      const mount = record === undefined ? ({ kind: 'folder' } as const) : volumes.volumeMount(record)
      return { name, anonymous: wanted === '', folder, mount }
    },
    async giveNew() {},
    [Symbol.dispose]() {},
  }
  return { keeper, fills }
}

/** What makes the container's folder as `create` would. */
function fileLines(folder: string, driver: string, { files }: Blueprint): string[] {
  const names = driver === 'rootfs' ? [''] : driver === 'copy' ? ['/merged'] : ['/upper', '/work', '/merged']
  return [
    `mkdir -p ${names.map(name => quoted(folder + name)).join(' ')}`,
    ...Object.entries(files).flatMap(([name, content]) => fileText(join(folder, name), content)),
  ]
}

function fileText(path: string, content: string | Uint8Array): string[] {
  if (typeof content !== 'string') {
    const text = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\n')
    return [`base64 -d > ${quoted(path)} <<'END'`, ...text.split('\n'), 'END', `chmod 755 ${quoted(path)}`]
  }
  if (content === '') return [`touch ${quoted(path)}`]
  return [`cat > ${quoted(path)} <<'END'`, ...content.replace(/\n$/, '').split('\n'), 'END']
}

/** The real one: busybox has a namesake that knows little. */
function hasSetpriv(folders: readonly string[]): boolean {
  return ['usr/bin/setpriv', 'bin/setpriv'].some(path =>
    folders.some(folder => lstatSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true),
  )
}

/** Without what a waiting parent needs: a person looks whether it works. */
function helperWords({ network }: Blueprint, ports: readonly PortMapping[]): string[] | undefined {
  const helper = network.driver?.helper
  if (helper === undefined) return undefined
  if (ports.length > 0 && network.driver?.ports?.live !== undefined)
    throw new TspodError('UNSUPPORTED', `--explain with published ports: ${helper.name} is told them over its socket`, {
      hint: 'with --network pasta they are words of a command',
    })
  const words = helper.argv({ pid: 0, ports })
  return [helper.path, ...words.slice(1).map(text => (text === '0' ? '$holder' : text))]
}
