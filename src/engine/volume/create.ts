// volume create.
import { checkName } from '#container/name.ts'
import type { VolumeRequest } from '#engine/contracts/volume.ts'
import { openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { lockVolumes, createVolume as makeVolume, randomVolumeName } from '#storage/volumes.ts'
import { volumePlace } from './place.ts'

/** The verb. */
export async function createVolume(request: VolumeRequest): Promise<{ name: string }> {
  const { name = randomVolumeName(), driver, labels, options, uid, gid, ignoreExisting } = request
  checkName('volume', name)
  if (driver !== 'local')
    throw new TspodError('UNSUPPORTED', `volume "${name}": the driver "${driver}" is not there, must be local`)
  const engine = await openEngine()
  const place = volumePlace(engine)
  using _lock = await lockVolumes(place, true)
  try {
    await makeVolume(place, { name, labels, options, uid, gid, anonymous: request.name === undefined })
  } catch (error) {
    if (!ignoreExisting || !hasCode(error, 'CONFLICT')) throw error
    return { name }
  }
  engine.journal({ type: 'volume', status: 'create', id: name, name, attributes: labels })
  return { name }
}
