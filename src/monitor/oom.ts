// Whether the kernel's out-of-memory killer was at work in a container's cgroup. Runs in the monitor.
import { readFileSync } from 'node:fs'

/** How many processes it has killed there (cgroup-v2, memory.events, oom_kill); 0 without a cgroup or its controller. */
export function readOomKills(cgroupFolder: string | undefined): number {
  if (cgroupFolder === undefined) return 0
  try {
    const text = readFileSync(`${cgroupFolder}/memory.events`, 'latin1')
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
  } catch {
    return 0 // the cgroup has gone with its last process, or has no memory controller
  }
}
