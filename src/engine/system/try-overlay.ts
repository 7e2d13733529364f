// Whether the kernel's overlay serves in the user's namespace, on the disk of the store: found out by mounting one. Host namespaces.
import { openEngine } from '#engine/open.ts'
import { probeOverlay } from '#storage/probe-driver.ts'
import type { OverlayProbe } from './checks/storage.ts'

/** Never throws: what keeps it from being tried is its reason. Nothing of the trial stays. */
export async function tryOverlay(): Promise<OverlayProbe> {
  try {
    const engine = await openEngine()
    const reason = await probeOverlay({ graphRoot: engine.graphRoot, openNamespace: () => engine.namespace() })
    return reason === undefined ? { works: true } : { works: false, reason }
  } catch (error) {
    return { works: false, reason: error instanceof Error ? error.message : String(error) }
  }
}
