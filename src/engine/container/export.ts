// export: a container's whole root file system as a tar archive.

import type { WriteChunk } from '#engine/contracts/image.ts'
import { openEngine } from '#engine/open.ts'
import { readRootWorker } from '#storage/root-worker.ts'
import { accessRoot } from './root-access.ts'
import { findOne } from './select.ts'

/** The verb: without what is mounted on it, running or not. */
export async function exportContainer(name: string, write: WriteChunk): Promise<void> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const plan = await accessRoot(engine, id, false)
  const request = { root: plan.root, path: '', as: '', ids: plan.ids }
  for await (const chunk of readRootWorker(await engine.namespace(), plan, 'pack', request)) await write(chunk)
  engine.journal({ type: 'container', status: 'export', id, name, attributes: {} })
}
