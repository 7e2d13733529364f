// worker:map-layer: copies a layer as it is, whiteouts and all, but with other owners. Inside the user's namespace, as its root.
import { systemCallError, trySyscall } from '#sys/call.ts'
import { openFile } from '#sys/fd.ts'
import { statusOf } from '#sys/file-status.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'
import { TreeCopy } from './copy-tree.ts'
import type { MapLayerRequest } from './mapped-layers.ts'
import { ownerChanger } from './root-ids.ts'

/** The target is durable when this returns. */
export function mapLayerWorker({ source, target, ids }: MapLayerRequest): void {
  process.umask(0)
  using from = openFile(source, O_RDONLY | O_DIRECTORY)
  using to = openFile(target, O_RDONLY | O_DIRECTORY)
  const copy = new TreeCopy(to.number, { isLayer: false, keepsMarks: true, owner: ownerChanger(ids) })
  copy.copyContents(from.number, to.number)
  copy.copyFacts(from.number, '', to.number, '', statusOf(from.number))
  const result = trySyscall('syncfs', to.number)
  if (result < 0) throw systemCallError('syncfs', result, target)
}
