// volume prune.

import type { Pruned } from '#engine/contracts/system.ts'
import type { PruneVolumeOptions } from '#engine/contracts/volume.ts'
import { openEngine } from '#engine/open.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import { folderBytes } from '#storage/disk-usage.ts'
import { sweepUnfinishedVolumes, volumeData } from '#storage/volumes.ts'
import { filterVolumes, listVolumes } from './list.ts'
import { volumePlace } from './place.ts'
import { removeVolume } from './remove.ts'

/** The verb: volumes that no container uses, anonymous ones alone unless `all`. */
export async function pruneVolumes({ filters, all, dryRun }: PruneVolumeOptions): Promise<Pruned[]> {
  const engine = await openEngine()
  const place = volumePlace(engine)
  const unused = filterVolumes(await listVolumes(filters), [{ key: 'dangling', value: true }])
  const pruned: Pruned[] = []
  for (const { name, anonymous } of unused) {
    if (!all && !anonymous) continue
    const reclaimedBytes = await folderBytes(volumeData(place, name), place.openNamespace)
    try {
      if (!dryRun) await removeVolume(engine, name)
      pruned.push({ id: name, reclaimedBytes })
    } catch (error) {
      if (hasCode(error, 'IN_USE', 'NOT_FOUND')) continue // a container took it, or somebody else removed it, meanwhile
      pruned.push({
        id: name,
        reclaimedBytes: 0,
        error: error instanceof TspodError ? error : during(`volume "${name}"`, error),
      })
    }
  }
  if (!dryRun) await sweepUnfinishedVolumes(place)
  return pruned
}
