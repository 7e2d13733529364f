// system check: compares what the records say with what lies on the disk, both ways, and mends what can be mended without touching
// what is sound.

import type { CheckOptions, StoreProblem } from '#engine/contracts/system.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode } from '#errors.ts'
import { checkContainers, checkNames } from './check-containers.ts'
import { checkLayers, checkUnusedLayers } from './check-layers.ts'
import { checkBlobs, checkRuntimeFolders, checkStaging, checkVolumes } from './check-leftovers.ts'

/** Unreferenced layers stay this long by default: a pull that was interrupted finds them again. */
const DAY_MS = 24 * 60 * 60 * 1000

/** One part of the check. */
export type StoreCheck = (engine: Engine, options: Required<CheckOptions>) => Promise<StoreProblem[]>

/** In this order: what is mended first is what the later ones rely on. */
const checks: readonly StoreCheck[] = [
  checkImageBlobs,
  checkLayers,
  checkContainers,
  checkNames,
  checkUnusedLayers,
  checkBlobs,
  checkVolumes,
  checkStaging,
  checkRuntimeFolders,
]

/** The verb: everything that is wrong, with what was mended. */
export async function checkStore(options: CheckOptions): Promise<StoreProblem[]> {
  const engine = await openEngine()
  const problems: StoreProblem[] = []
  for (const check of checks) {
    try {
      problems.push(...(await check(engine, { ...options, maxAgeMs: options.maxAgeMs ?? DAY_MS })))
    } catch (error) {
      // an index that cannot be read has been told of; what depends on it cannot be looked at
      if (!hasCode(error, 'INVALID') || !problems.some(({ kind }) => kind === 'index')) throw error
    }
  }
  return problems
}

async function checkImageBlobs({ graphRoot }: Engine, { quick, repair }: CheckOptions): Promise<StoreProblem[]> {
  const { checkImages } = await import('#image/integrity.ts')
  return await checkImages(graphRoot, { quick, repair })
}
