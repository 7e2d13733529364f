// network exists.
import { networkByDefault } from '#engine/container/join-networks.ts'
import { openEngine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { findNetwork } from '#network/networks.ts'

/** The verb: by name or id. */
export async function networkExists(name: string): Promise<boolean> {
  const engine = await openEngine()
  try {
    findNetwork(engine.graphRoot, networkByDefault(engine), name)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}
