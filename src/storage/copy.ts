// Root file systems as plain copies of all layers: slow and large, and it works everywhere. Host namespaces; a worker copies.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { MS_BIND } from '#sys/flags.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import { runWorker } from '#userns/worker.ts'
import type { DriverPlace, StorageDriver } from './driver.ts'
import { diffFolder } from './layer-paths.ts'
import { makeRootFolders } from './root-folders.ts'
import type { RootIds } from './root-ids.ts'

/** What worker:copy-layers is asked. */
export interface CopyLayersRequest {
  /** `diff` folders, lowest first */
  layers: string[]
  target: string
  /** other owners than the layers have */
  ids?: RootIds
}

/** struct mount_attr with MOUNT_ATTR_RDONLY set. */
const readOnlyAttribute = new BigUint64Array([1n, 0n, 0n, 0n])

/** The driver of last resort. What is written goes into the copy; there is no layer of its own. */
export function copyDriver(place: DriverPlace): StorageDriver {
  return {
    name: 'copy',
    async prepare(request) {
      await makeRootFolders(place, request, [])
      const done = join(request.containerFolder, 'copied')
      if (existsSync(done)) return
      const layers = request.chain.map(chainId => diffFolder(place.graphRoot, place.mode, chainId))
      const target = join(request.containerFolder, 'merged')
      const asked: CopyLayersRequest = { layers, target, ...(request.ids && { ids: request.ids }) }
      await runWorker(await place.openNamespace(), 'copy-layers', asked)
      writeFileSync(done, '')
      // the kernel's clock for files goes in steps of up to 10 ms: what is changed from now on was changed after that file
      await Bun.sleep(10)
    },
    planRoot({ containerFolder, readOnly }) {
      const root = join(containerFolder, 'merged')
      const calls: Call[] = [call('mount', root, root, null, MS_BIND, null)]
      // only adds the flag: those of the mount below are locked (Linux 5.12; before it, nothing of ours writes there)
      if (readOnly)
        calls.push(tolerate('ENOSYS', call('mount_setattr', -100, root, 0, { memory: readOnlyAttribute }, 32)))
      return { calls, root }
    },
    planSource({ source }) {
      throw new TspodError('UNSUPPORTED', `mounting "${source}" with the option O: there is no overlay here`, {
        hint: 'kernel 5.11 or later, or the package fuse-overlayfs with a /dev/fuse you may open, mends this',
      })
    },
  }
}
