// What a monitor does for some containers only, loaded for those: looks after their health, watches over their memory.
import type { MonitorPlace } from './monitor.ts'
import type { ChildMessage } from './protocol.ts'

export async function openCompanions(child: ChildMessage): Promise<Pick<MonitorPlace, 'openHealth' | 'watchMemory'>> {
  const { health, softLimits, pid } = child
  const companions: Pick<MonitorPlace, 'openHealth' | 'watchMemory'> = {}
  if (health !== undefined) companions.openHealth = await (await import('./health.ts')).HealthWatch.open(child)
  const { memoryBytes } = softLimits ?? {}
  if (memoryBytes !== undefined) {
    const { SoftMemoryWatch } = await import('./soft-memory.ts')
    companions.watchMemory = (deadlines, onKill) => new SoftMemoryWatch(pid, memoryBytes, deadlines, onKill)
  }
  return companions
}
