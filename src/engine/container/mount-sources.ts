// From recorded mounts to what the spec binds: a folder as it is, or one that is first mounted from the store beside the root.
import { join } from 'node:path'
import type { ResolvedMount } from '#container/inputs.ts'
import type { RecordedMount } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import type { RootStage } from '#runtime/root-setup.ts'
import type { RootIds } from '#storage/root-ids.ts'
import { type ContainerIds, mapsOwner, type Owner } from './choose-ids.ts'

export interface MountSources {
  resolved: ResolvedMount[]
  /** For the stager, after the root's own. */
  stages: RootStage[]
  /** Makes what the stages need, and gives sources to the container's user where that was asked for (`:U`): before every start. */
  prepare: (user: Owner) => Promise<void>
}

/** What a container mounts in the place of one recorded mount. */
export interface SpecialSource {
  source: string
  stages: RootStage[]
  prepare: () => Promise<void>
}

/** Decides where everything comes from; `folder` is the container's. Nothing is made yet. */
export async function planSources(
  engine: Engine,
  folder: string,
  mounts: readonly RecordedMount[],
  ids: ContainerIds,
): Promise<MountSources> {
  const special = new Map<RecordedMount, SpecialSource>()
  for (const [index, mount] of mounts.entries())
    if (isSpecial(mount))
      special.set(mount, await specialSource(engine, mount, join(folder, 'mounts', String(index)), ids.rootIds))
  return {
    resolved: mounts.map(mount => toSpec(mount, special.get(mount)?.source ?? mount.source)),
    stages: [...special.values()].flatMap(({ stages }) => stages),
    async prepare(user) {
      for (const mount of mounts) {
        await special.get(mount)?.prepare()
        if (mount.chown === true) await giveSource(engine, mount.source, mapsOwner(ids, user))
      }
    },
  }
}

async function specialSource(
  engine: Engine,
  mount: RecordedMount,
  place: string,
  ids: RootIds | undefined,
): Promise<SpecialSource> {
  const { specialSource: plan } = await import('./special-sources.ts')
  return await plan(engine, mount, place, ids)
}

function isSpecial({ type, subpath, overlay }: RecordedMount): boolean {
  return type === 'image' || subpath !== undefined || overlay !== undefined
}

function toSpec({ type, destination, options }: RecordedMount, source: string): ResolvedMount {
  return { destination, type: type === 'volume' || type === 'image' ? 'bind' : type, source, options }
}

async function giveSource(engine: Engine, path: string, { uid, gid }: Owner): Promise<void> {
  const { giveTree } = await import('#storage/give-tree.ts')
  await giveTree(await engine.namespace(), { path, uid, gid })
}
