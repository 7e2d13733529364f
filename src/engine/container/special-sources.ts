// Sources of mounts that must be mounted themselves first: images, parts of volumes and images, folders under a writable layer.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordedMount } from '#container/record.ts'
import { stackOf } from '#engine/image/layers-in-use.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { ChainId } from '#oci/digest.ts'
import { removeTree } from '#storage/remove-tree.ts'
import type { RootIds } from '#storage/root-ids.ts'
import { prepareSourceOverlay } from '#storage/source-overlay.ts'
import { makePlace, planSubpath, subpathKind } from '#storage/subpath.ts'
import type { SpecialSource } from './mount-sources.ts'

/** One after the other: the image, the part of it, the layer over that. `place` is a folder of this mount's own in the store. */
export async function specialSource(
  engine: Engine,
  mount: RecordedMount,
  place: string,
  ids: RootIds | undefined,
): Promise<SpecialSource> {
  const folders = mount.type === 'image' ? await layerFolders(engine, mount) : [mount.source]
  let found = mount.type === 'image' ? await imageSource(engine, mount, place, ids) : plainSource(mount.source)
  if (mount.subpath !== undefined) found = withSubpath(found, folders, mount, mount.subpath, place)
  if (mount.overlay !== undefined) found = await withOverlay(engine, found, mount.overlay, place)
  return found
}

function plainSource(source: string): SpecialSource {
  return { source, stages: [], prepare: async () => {} }
}

async function layerFolders(engine: Engine, mount: RecordedMount): Promise<string[]> {
  const { diffFolder } = await engine.storage()
  return chainOf(engine, mount).toReversed().map(diffFolder)
}

/** Layers, lowest first: they stay for as long as the container does, the image need not. */
function chainOf({ graphRoot }: Engine, { layer }: RecordedMount): ChainId[] {
  return stackOf(graphRoot, layer).toReversed() as ChainId[]
}

async function imageSource(
  engine: Engine,
  mount: RecordedMount,
  place: string,
  ids: RootIds | undefined,
): Promise<SpecialSource> {
  const { driver } = await (ids === undefined ? engine.storage() : engine.mappedStorage())
  const request = {
    chain: chainOf(engine, mount),
    containerFolder: place,
    readOnly: !mount.readWrite,
    ...(ids && { ids }),
  }
  const { root, ...stage } = driver.planRoot(request)
  return {
    source: root,
    stages: [stage],
    async prepare() {
      if (mount.readWrite) await removeTree(place, () => engine.namespace())
      mkdirSync(place, { recursive: true, mode: 0o700 })
      await driver.prepare(request)
    },
  }
}

function withSubpath(
  { source, stages, prepare }: SpecialSource,
  folders: readonly string[],
  mount: RecordedMount,
  subpath: string,
  place: string,
): SpecialSource {
  const kind = subpathKind(folders, subpath)
  if (kind === 'missing')
    throw new TspodError(
      'NOT_FOUND',
      `mounting "${mount.name ?? mount.source}" on "${mount.destination}": the subpath "${subpath}" does not exist`,
    )
  const placeKind = kind === 'file' ? 'file' : 'folder'
  const target = join(place, placeKind)
  return {
    source: target,
    stages: [...stages, { calls: planSubpath(source, subpath, target) }],
    async prepare() {
      await prepare()
      makePlace(place, placeKind)
    },
  }
}

async function withOverlay(
  engine: Engine,
  { source, stages, prepare }: SpecialSource,
  overlay: NonNullable<RecordedMount['overlay']>,
  place: string,
): Promise<SpecialSource> {
  const { driver } = await engine.storage()
  const wanted = { source, folder: join(place, 'over'), ...(overlay !== 'scratch' && { kept: overlay }) }
  const { root, ...stage } = driver.planSource(wanted)
  return {
    source: root,
    stages: [...stages, stage],
    async prepare() {
      await prepare()
      await prepareSourceOverlay({ openNamespace: () => engine.namespace() }, wanted)
    },
  }
}
