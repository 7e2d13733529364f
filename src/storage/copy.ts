// Root file systems as plain copies of all layers: slow and large, and it works everywhere. Host namespaces; a worker copies.
import { join } from 'node:path'
import { MS_BIND } from '#sys/flags.ts'
import { call } from '#sys/servant/batch.ts'
import { runWorker } from '#userns/worker.ts'
import type { DriverPlace, StorageDriver } from './driver.ts'
import { diffFolder } from './layer-paths.ts'
import { makeRootFolders } from './root-folders.ts'

/** What worker:copy-layers is asked. */
export interface CopyLayersRequest {
  /** `diff` folders, lowest first */
  layers: string[]
  target: string
}

/** The driver of last resort. What is written goes into the copy; there is no layer of its own. */
export function copyDriver(place: DriverPlace): StorageDriver {
  return {
    name: 'copy',
    async prepare(request) {
      await makeRootFolders(place, request, [])
      const layers = request.chain.map(chainId => diffFolder(place.graphRoot, place.mode, chainId))
      const target = join(request.containerFolder, 'merged')
      const asked: CopyLayersRequest = { layers, target }
      await runWorker(await place.openNamespace(), 'copy-layers', asked)
    },
    planRoot({ containerFolder }) {
      const root = join(containerFolder, 'merged')
      return { calls: [call('mount', root, root, null, MS_BIND, null)], root }
    },
  }
}
