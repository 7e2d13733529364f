// image exists: whether an image of this name or id is stored.
import { openEngine } from '#engine/open.ts'

/** The verb. A name that several images could mean is an error. */
export async function imageExists(name: string): Promise<boolean> {
  const { images } = await openEngine()
  return (await images.find(name)) !== undefined
}
