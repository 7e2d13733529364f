// The folders that a root file system is mounted from: upper, work, merged. Host namespaces.
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import type { IdMapping } from '#userns/id-mapping.ts'
import type { DriverPlace, RootRequest } from './driver.ts'
import { diffFolder, linkFolder } from './layer-paths.ts'

/** Empty folders beside the short links: lower layers for where an image has too few. */
export const emptyLayers = ['empty', 'empty2'] as const

/**
 * Makes `upper` with the owner and mode of the uppermost layer's root, since the mounted root shows upper's; and `work`, `merged`.
 * `kept` are the folders besides `merged` that this driver wants.
 */
export async function makeRootFolders(
  place: DriverPlace,
  request: RootRequest,
  kept: readonly string[],
): Promise<void> {
  const { containerFolder, chain } = request
  const links = linkFolder(place.graphRoot, place.mode)
  for (const name of emptyLayers) mkdirSync(join(links, name), { recursive: true, mode: 0o755 })
  let isNew = false
  for (const name of ['merged', ...kept]) {
    const made = mkdirSync(join(containerFolder, name), { recursive: true, mode: 0o700 })
    if (name === 'upper') isNew = made !== undefined
  }
  if (!isNew) return // what the container made of its root stays
  const top = chain.at(-1)
  const facts = top === undefined ? undefined : statSync(diffFolder(place.graphRoot, place.mode, top))
  const upper = join(containerFolder, 'upper')
  const { uid, gid } = statSync(upper)
  await giveUpper(place, upper, facts ?? { uid, gid, mode: 0o755 })
}

/** Owner and mode for an empty upper folder: those of the folder that it will show. */
export async function giveUpper(
  place: Pick<DriverPlace, 'openNamespace'>,
  upper: string,
  facts: { uid: number; gid: number; mode: number },
): Promise<void> {
  const own = statSync(upper)
  if (facts.uid !== own.uid || facts.gid !== own.gid) await changeOwner(place, upper, facts)
  try {
    chmodSync(upper, facts.mode & 0o7777)
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error // it belongs to a subordinate id now, and changeOwner gave it its mode
  }
}

/** The root of an image need not belong to its user 0. */
async function changeOwner(
  { openNamespace }: Pick<DriverPlace, 'openNamespace'>,
  path: string,
  facts: { uid: number; gid: number; mode: number },
): Promise<void> {
  const { giveInside } = await import('./inside-owner.ts')
  const { mappings } = await openNamespace()
  const uid = insideId(mappings.uid, facts.uid)
  const gid = insideId(mappings.gid, facts.gid)
  await giveInside(openNamespace, path, uid, gid, facts.mode & 0o7777)
}

function insideId(extents: readonly IdMapping[], outsideId: number): number {
  const extent = extents.find(each => outsideId >= each.outsideId && outsideId < each.outsideId + each.count)
  return extent === undefined ? 0 : extent.insideId + outsideId - extent.outsideId
}
