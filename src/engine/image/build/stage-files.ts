// Where files come from that COPY, ADD and mounts name: the context, or layers of a stage or an image.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ChainId } from '#oci/digest.ts'
import type { RootPlan } from '#storage/driver.ts'
import type { BuildSession } from './session.ts'

export type StageFiles =
  | { kind: 'folder'; folder: string; ignore: string[] }
  | { kind: 'layers'; name: string; chain: ChainId[] }

/** How layers are mounted to be read, over a folder of this build's own. */
export async function layersRoot(
  { scratch, storage, nextFolder }: Pick<BuildSession, 'scratch' | 'storage' | 'nextFolder'>,
  chain: ChainId[],
): Promise<RootPlan> {
  const containerFolder = join(scratch, `layers-${nextFolder()}`)
  mkdirSync(containerFolder, { mode: 0o700 })
  // a copy of this build's own may be written to: nobody does, and a flag on it is nothing that a worker could be told as text
  const request = { chain, containerFolder, readOnly: storage.driver.name !== 'copy' }
  await storage.driver.prepare(request)
  return storage.driver.planRoot(request)
}
