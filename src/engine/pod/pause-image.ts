// The image of infra containers, made on the spot: one static program that waits (sys/servant/pause-*.S). No registry has a part in it.
import { hostPlatform, storeImage } from '#engine/image/import.ts'
import type { Engine } from '#engine/open.ts'
import { newImageSource, writeLayerFile } from '#image/new-image.ts'
import { packFile } from '#image/tar-file.ts'
import { pauseProgram } from '#runtime/own-init.ts'
import { openStaging } from '#storage/staging.ts'

/** The number changes with the program: an image of an older one stays what it is. */
export const pauseImageName = 'localhost/tspod-pause:1'

/** The same bytes whoever makes it. */
const created = new Date('2026-11-25T00:00:00Z')

/** Its name; makes it where it is not there. */
export async function ensurePauseImage(engine: Engine): Promise<string> {
  const found = await engine.images.find(pauseImageName)
  const layers = await engine.layers()
  if (found !== undefined && engine.images.open(found.image).chain.every(chainId => layers.has(chainId)))
    return pauseImageName
  await using staging = openStaging(engine.graphRoot, 'pause', () => engine.namespace())
  const layer = await writeLayerFile(packFile('pause', 0o755, pauseProgram()), staging.path, 'the pause program')
  const platform = hostPlatform()
  const source = newImageSource(layer, {
    platform,
    execution: { Entrypoint: ['/pause'], StopSignal: 'SIGTERM' },
    createdBy: 'tspod pod create',
    created,
  })
  await storeImage(engine, source, { names: [pauseImageName], platform })
  return pauseImageName
}
