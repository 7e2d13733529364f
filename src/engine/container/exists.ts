// container exists: whether there is a container of this name, id or prefix.
import { findContainer } from '#container/name-index.ts'
import { openEngine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'

/** The verb. A prefix that fits several containers is an error. */
export async function containerExists(name: string): Promise<boolean> {
  const { graphRoot } = await openEngine()
  try {
    findContainer(graphRoot, name)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}
