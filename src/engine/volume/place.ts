// Where this engine's volumes lie.
import { join } from 'node:path'
import type { Engine } from '#engine/open.ts'
import type { VolumePlace } from '#storage/volumes.ts'

export function volumePlace({ graphRoot, config, namespace }: Engine): VolumePlace {
  return { graphRoot, folder: config.engine.volumePath ?? join(graphRoot, 'volumes'), openNamespace: namespace }
}
