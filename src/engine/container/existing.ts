// A container on disk, decided again for another start: what it runs in may have changed since (name servers, mappings, other containers).
import { type ContainerId, type ContainerRecord, containerDir, readRecord } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { idOption, type RootIds } from '#storage/root-ids.ts'
import { drawBlueprint } from './blueprint.ts'
import { chooseIds } from './choose-ids.ts'
import { imageOfRecord } from './choose-image.ts'
import type { CreatedContainer } from './create.ts'
import { planSources } from './mount-sources.ts'
import { ownersOf, prepareRoot, rootOf, withFiles, withMtab, withStages } from './root.ts'

/** Reads the record and decides everything anew. */
export async function existingContainer(engine: Engine, id: ContainerId): Promise<CreatedContainer> {
  const record = readRecord(engine.graphRoot, id)
  const { request } = record
  const image = record.image === undefined ? undefined : await imageOfRecord(engine, record)
  const folder = containerDir(engine.graphRoot, id)
  const ids = await chooseIds(engine, id, request, image)
  requireSameOwners(record, ids.rootIds)
  const root = await rootOf(engine, request, image, folder, ownersOf(record))
  await prepareRoot(root)
  const sources = await planSources(engine, folder, record.mounts, ids)
  const blueprint = drawBlueprint(engine, {
    id,
    name: record.name,
    request,
    image,
    mounts: sources.resolved,
    ids,
    folders: root.folders,
    rootPath: root.setup.path,
  })
  await sources.prepare(blueprint.plan.user)
  return {
    record,
    blueprint,
    root: withMtab(withFiles(withStages(root.setup, sources), folder, blueprint, ids), ids),
    waitsFor: ids.joined.waitsFor,
  }
}

/** What it wrote until now belongs to the ids it had then. */
function requireSameOwners({ id, rootIds }: ContainerRecord, now: RootIds | undefined): void {
  const text = (ids: RootIds | undefined): string =>
    ids === undefined ? '' : `${idOption(ids.uid)} ${idOption(ids.gid)}`
  if (text(rootIds) === text(now)) return
  throw new TspodError('CONFLICT', `starting container ${id}: its user namespace has other ids than when it was made`, {
    hint: 'the subordinate ids, or the container whose namespace it shares, have changed: remove it, and make it again',
  })
}
