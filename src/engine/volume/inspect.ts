// volume inspect: all that is known of a volume, in podman's words (podman-volume-inspect(1)).

import type { InspectObject } from '#engine/contracts/container.ts'
import type { VolumeSummary } from '#engine/contracts/volume.ts'
import { TspodError } from '#errors.ts'
import { listVolumes } from './list.ts'

/** Each in order, by name or the unambiguous beginning of one; fails on the first unknown name. */
export async function inspectVolumes(names: string[]): Promise<InspectObject[]> {
  const volumes = await listVolumes([])
  return names.map(name => describeVolume(findVolume(volumes, name)))
}

function findVolume(volumes: readonly VolumeSummary[], text: string): VolumeSummary {
  const exact = volumes.find(({ name }) => name === text)
  if (exact !== undefined) return exact
  const [first, ...others] = volumes.filter(({ name }) => name.startsWith(text))
  if (first === undefined) throw new TspodError('NOT_FOUND', `no volume with name "${text}" found: no such volume`)
  if (others.length === 0) return first
  throw new TspodError('CONFLICT', `more than one volume has a name that begins with "${text}"`, {
    hint: `there are ${[first, ...others].map(({ name }) => name).join(', ')}`,
  })
}

/** Podman's JSON of a volume. */
function describeVolume(volume: VolumeSummary): InspectObject {
  return {
    Name: volume.name,
    Driver: volume.driver,
    Mountpoint: volume.mountpoint,
    CreatedAt: new Date(volume.createdMs).toISOString(),
    Labels: volume.labels,
    Scope: volume.scope,
    Options: volume.options,
    UID: volume.uid,
    GID: volume.gid,
    Anonymous: volume.anonymous,
    MountCount: volume.mountCount,
  }
}
