// What the processes of pid namespaces use, all of them from one look at /proc: of processes outside of any container nothing is read but
// their namespace. Runs in the host's namespaces.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { pageBytes } from '#sys/page-size.ts'
import { TICKS_PER_SECOND } from './process-table.ts'

/** Sums over living processes; what has ended is forgotten. */
export interface ProcessUsage {
  cpuUs: number
  memoryBytes: number
  pids: number
}

interface Used {
  pid: number
  parent: number
  namespace: string
  cpuTicks: number
  residentPages: number
}

/** Taken at one moment. */
export class ProcessSnapshot {
  readonly #own = namespaceOf('self')
  readonly #contained: Used[] = []
  readonly #others: string[] = []

  constructor() {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue
      const namespace = namespaceOf(entry)
      if (namespace === undefined) continue // somebody else's, or gone
      if (namespace === this.#own) this.#others.push(entry)
      else this.#contained.push(...readUsed(entry, namespace))
    }
  }

  /** Of the pid namespace of a process and those inside it; where that is our own, of the process and what descends from it. */
  usageOf(pid: number): ProcessUsage {
    const namespace = namespaceOf(String(pid))
    const isShared = namespace === this.#own
    const all = isShared
      ? [...this.#contained, ...this.#others.flatMap(entry => readUsed(entry, namespace ?? ''))]
      : this.#contained
    const inside = new Map<number, Used>()
    // parents have lower numbers only until numbers wrap around: look until nothing is added
    for (let before = -1; before !== inside.size; ) {
      before = inside.size
      for (const one of all) {
        const isFirst = isShared ? one.pid === pid : one.namespace === namespace
        if (isFirst || inside.has(one.parent)) inside.set(one.pid, one)
      }
    }
    const found = [...inside.values()]
    const ticks = found.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0)
    const pages = found.reduce((sum, { residentPages }) => sum + residentPages, 0)
    return {
      cpuUs: (ticks * 1_000_000) / TICKS_PER_SECOND,
      memoryBytes: pages * pageBytes(),
      pids: found.length,
    }
  }
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** proc_pid_stat(5); nothing where it has ended. */
function readUsed(pid: string, namespace: string): Used[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const field = (number: number) => Number(fields[number - 3])
    const cpuTicks = field(14) + field(15)
    return [{ pid: Number(pid), parent: field(4), namespace, cpuTicks, residentPages: field(24) }]
  } catch {
    return []
  }
}
