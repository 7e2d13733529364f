// When a container's end may be told: who waits for it counts on its ports of the host being free. Runs where the container is watched.
import { type ContainerId, readRecord } from '#container/record.ts'
import { sleepSync } from '#host/bun.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { readProcessStat } from '#sys/process.ts'
import type { ChildMessage } from './protocol.ts'

const LOOK_MS = 0.3

/**
 * Waits until the ports of helpers that have been killed are free: a millisecond. Their whole end takes 15, in which the kernel removes
 * their network device.
 */
export async function releasePorts({ graphRoot, id, helpers }: ChildMessage): Promise<void> {
  const holders = helpers.filter(({ isAwaited }) => !isAwaited)
  if (holders.length === 0) return
  const ports = publishedPorts(graphRoot, id)
  if (ports.length === 0) return
  const { firstRefused } = await import('#network/ports/probe.ts')
  const isHeld = (port: PortMapping): boolean => firstRefused(port, ['0.0.0.0', '::'])?.state === 'taken'
  const lives = (pid: number): boolean => !['Z', 'X', undefined].includes(readProcessStat(pid)?.state)
  // somebody else may have taken one at once
  while (ports.some(isHeld) && holders.some(({ pid }) => lives(pid))) sleepSync(LOOK_MS)
}

/** Those of a running container change: its record has them. */
function publishedPorts(graphRoot: string, id: string): PortMapping[] {
  try {
    return readRecord(graphRoot, id as ContainerId).ports ?? []
  } catch {
    return [] // removed by force meanwhile
  }
}
