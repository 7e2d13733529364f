// Where this engine's volumes lie.
import { join } from 'node:path'
import type { Engine } from '#engine/open.ts'
import type { VolumePlace } from '#storage/volumes.ts'

export function volumePlace(engine: Engine): VolumePlace {
  const { graphRoot, config } = engine
  const folder = config.engine.volumePath ?? join(graphRoot, 'volumes')
  return { graphRoot, folder, openNamespace: () => engine.namespace() }
}
