// Whether the kernel's overlay serves in the user's namespace, on the disk of the store: found out by mounting one. Host namespaces.
import { type Engine, openEngine } from '#engine/open.ts'
import { canWriteInto } from '#host/filesystem.ts'
import { probeOverlay } from '#storage/probe-driver.ts'
import type { OverlayProbe } from './checks/storage.ts'

/** Never throws: what keeps it from being tried is its reason. Nothing of the trial stays. */
export async function tryOverlay(): Promise<OverlayProbe> {
  let engine: Engine
  try {
    engine = await openEngine()
    await engine.namespace()
  } catch (error) {
    return { works: 'untried', reason: error instanceof Error ? error.message : String(error) }
  }
  if (!canWriteInto(engine.graphRoot)) return { works: 'untried', reason: 'the store cannot be written' }
  try {
    const reason = await probeOverlay({ graphRoot: engine.graphRoot, openNamespace: () => engine.namespace() })
    return reason === undefined ? { works: true } : { works: false, reason }
  } catch (error) {
    return { works: false, reason: error instanceof Error ? error.message : String(error) }
  }
}
