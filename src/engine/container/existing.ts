// A container on disk, decided again for another start: what it runs in may have changed since (name servers, mappings, other containers).
import { containerDir, type ContainerId, readRecord } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import { drawBlueprint } from './blueprint.ts'
import { imageOfRecord } from './choose-image.ts'
import type { CreatedContainer } from './create.ts'
import { fromRecord } from './resolve-mounts.ts'
import { prepareRoot, rootOf } from './root.ts'

/** Reads the record and decides everything anew. */
export async function existingContainer(engine: Engine, id: ContainerId): Promise<CreatedContainer> {
  const record = readRecord(engine.graphRoot, id)
  const { request } = record
  const image = record.image === undefined ? undefined : await imageOfRecord(engine, record)
  const root = await rootOf(engine, request, image, containerDir(engine.graphRoot, id))
  await prepareRoot(root)
  const blueprint = drawBlueprint(engine, {
    id,
    name: record.name,
    request,
    image,
    mounts: record.mounts.map(fromRecord),
    namespace: await engine.namespace(),
    folders: root.folders,
    rootPath: root.setup.path,
  })
  return { record, blueprint, root: root.setup }
}
