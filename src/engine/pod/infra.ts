// The infra container runs before anyone who shares its namespaces.
import type { ContainerId, RecordedPod } from '#container/record.ts'
import { startContainer } from '#engine/container/start.ts'
import type { Engine } from '#engine/open.ts'
import { during } from '#errors.ts'

/** For a container of a pod that is about to start. Does nothing where it runs already. */
export async function ensureInfra(engine: Engine, id: ContainerId, pod: RecordedPod): Promise<void> {
  if (pod.infraId === undefined || pod.isInfra === true) return
  try {
    await startContainer(engine, pod.infraId, { isDependency: true })
  } catch (error) {
    throw during(`starting the infra container of pod ${pod.name}, which container ${id.slice(0, 12)} is in`, error)
  }
}
