// The watchdog of --soft-limits: sums the resident memory of a container's processes, and kills the largest when that is above the limit,
// as the kernel would. Part of the monitor's loop; loaded only where it is asked for.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Deadlines } from '#sys/deadlines.ts'
import { SIGKILL } from '#sys/flags.ts'
import { pageBytes } from '#sys/page-size.ts'
import { killProcess } from '#sys/process.ts'

/** How often it looks: more often when it is close. */
const EASY_MS = 500
const CLOSE_MS = 50
const CLOSE_SHARE = 0.7
/** Whoever else is on the machine is looked at anew after so many looks: numbers of processes are used again. */
const FORGET_AFTER = 20

interface Found {
  pid: number
  bytes: number
}

export class SoftMemoryWatch {
  readonly #pid: number
  readonly #limitBytes: number
  readonly #deadlines: Deadlines
  readonly #onKill: () => void
  readonly #namespace: string
  #strangers = new Set<string>()
  #looks = 0
  #kills = 0

  /** `pid`: the container's process 1. `onKill` is called for each process that is killed. */
  constructor(pid: number, limitBytes: number, deadlines: Deadlines, onKill: () => void) {
    this.#pid = pid
    this.#limitBytes = limitBytes
    this.#deadlines = deadlines
    this.#onKill = onKill
    this.#namespace = namespaceOf(String(pid)) ?? ''
    this.#later(EASY_MS)
  }

  get hasKilled(): boolean {
    return this.#kills > 0
  }

  close(): void {
    this.#deadlines.clear('soft memory')
  }

  #later(ms: number): void {
    this.#deadlines.set('soft memory', ms, () => this.#look())
  }

  #look(): void {
    const found = this.#processes()
    const bytes = found.reduce((sum, each) => sum + each.bytes, 0)
    if (bytes > this.#limitBytes) {
      const largest = found.reduce((most, each) => (each.bytes > most.bytes ? each : most))
      if (killProcess(largest.pid, SIGKILL)) {
        this.#kills++
        this.#onKill()
      }
    }
    this.#later(bytes > this.#limitBytes * CLOSE_SHARE ? CLOSE_MS : EASY_MS)
  }

  /** Those of its pid namespace. What an attached exec has started is no descendant of process 1. */
  #processes(): Found[] {
    if (this.#looks++ % FORGET_AFTER === 0) this.#strangers = new Set()
    const found: Found[] = []
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry) || this.#strangers.has(entry)) continue
      const namespace = namespaceOf(entry)
      if (namespace === this.#namespace) found.push({ pid: Number(entry), bytes: residentBytes(entry) })
      else this.#strangers.add(entry)
    }
    if (found.length === 0) return [{ pid: this.#pid, bytes: 0 }]
    return found
  }
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined // somebody else's, or gone
  }
}

/** proc_pid_statm(5). */
function residentBytes(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageBytes()
  } catch {
    return 0 // it has ended
  }
}
