// --explain: what creating and starting a container would do, as shell commands. Nothing of the container comes to be, on disk or elsewhere.
import { lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { withConfiguredDefaults } from '#container/configured-defaults.ts'
import { freeRandomName } from '#container/name-index.ts'
import { containerDir, newContainerId } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { hostUser } from '#host/user.ts'
import { keepsGroups } from '#runtime/create.ts'
import { quoted } from '#runtime/plan/paths.ts'
import { writeScript } from '#runtime/script.ts'
import { type Blueprint, drawBlueprint } from './blueprint.ts'
import { chooseIds } from './choose-ids.ts'
import { chooseImage } from './choose-image.ts'
import { inheritedMounts } from './create.ts'
import { planSources } from './mount-sources.ts'
import { resolveMounts } from './resolve-mounts.ts'
import { rootOf, withFiles } from './root.ts'
import type { VolumeKeeper } from './volume-keeper.ts'

/** The verb: lines of a script for bash. The image must be there; volumes and folders that are not would be made by the script. */
export async function explainContainer(asked: ContainerRequest): Promise<string[]> {
  if (hostUser().isRoot)
    throw new TspodError(
      'UNSUPPORTED',
      "--explain as root: tspod becomes the owner of root's containers first, and no list of commands does that",
      { hint: 'run it as an ordinary user' },
    )
  const engine = await openEngine()
  const { graphRoot } = engine
  const request = withConfiguredDefaults({ ...asked, pull: 'never' }, engine.config.containers)
  if (request.userns.kind === 'auto') throw mappingRefusal()
  const image = request.rootfs === undefined ? await chooseImage(engine, request, {}) : undefined
  const id = newContainerId()
  const folder = containerDir(graphRoot, id)
  const ids = await chooseIds(engine, id, request, image)
  if (ids.rootIds !== undefined) throw mappingRefusal()
  const root = await rootOf(engine, request, image, folder)
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
    root: withFiles(root.setup, folder, blueprint, ids),
    mode,
    mappings,
    process: {
      keepGroups: keepsGroups(spec, { mode }),
      lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
      seccomp: undefined,
    },
    isFolder: (source: string) =>
      newFolders.includes(source) || (statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? false),
    hasSetpriv: hasSetpriv(root.folders),
    helper: helperWords(blueprint),
    folder,
    fills: drawn.fills,
  }
  return writeScript(facts, [
    ...fileLines(folder, root.driver, blueprint),
    ...newFolders.map(path => `mkdir -p ${quoted(path)}`),
  ])
}

function mappingRefusal(): TspodError {
  return new TspodError(
    'UNSUPPORTED',
    '--explain under another mapping of ids: a view of the image with other owners is made only for a container that exists',
    { hint: 'leave out --userns, --uidmap and --gidmap, or take --userns=host' },
  )
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
function helperWords({ network }: Blueprint): string[] | undefined {
  const helper = network.driver?.helper
  if (helper === undefined) return undefined
  const words = helper.argv({ pid: 0, readyFd: 3, exitFd: 4 })
  return [helper.path, ...words.slice(1)]
    .filter(text => !/^--(ready|exit)-fd=/.test(text))
    .map(text => (text === '0' ? '$holder' : text))
}
