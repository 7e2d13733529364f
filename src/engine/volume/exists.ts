// volume exists.
import { isName } from '#container/name.ts'
import { openEngine } from '#engine/open.ts'
import { readVolume } from '#storage/volumes.ts'
import { volumePlace } from './place.ts'

/** The verb: exactly this name. */
export async function volumeExists(name: string): Promise<boolean> {
  return isName(name) && readVolume(volumePlace(await openEngine()), name) !== undefined
}
