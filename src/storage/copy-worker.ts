// worker:copy-layers: copies layers over one another into one folder. Inside the user's namespace, as its root.
import { openFile } from '#sys/fd.ts'
import { statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import type { CopyLayersRequest } from './copy.ts'
import { TreeCopy } from './copy-tree.ts'
import { ownerChanger } from './root-ids.ts'

/** The target holds the merged view of the layers, lowest first. */
export function copyLayersWorker({ layers, target, ids }: CopyLayersRequest): void {
  process.umask(0)
  using to = openFile(target, O_RDONLY | O_DIRECTORY)
  for (const layer of layers) {
    using from = openFile(layer, O_RDONLY | O_DIRECTORY)
    // hard links hold within a layer only: each layer is a copy of its own
    const copy = new TreeCopy(to.number, { isLayer: true, ...(ids && { owner: ownerChanger(ids) }) })
    copy.copyContents(from.number, to.number)
    copy.copyFacts(from.number, '', to.number, '', statusOf(from.number))
  }
}
