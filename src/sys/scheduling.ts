// On which processors, and how gladly, the kernel runs a process.
import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { syscall } from './call.ts'

const PRIO_PROCESS = 0
const MOST_NICE = 19

/** The processors that this process may use (proc_pid_status(5), Cpus_allowed_list). */
export function allowedProcessors(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'
  return list.split(',').flatMap(part => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

/** sched_setaffinity(2). What the process starts later is bound too. */
export function bindToProcessors(pid: number, processors: readonly number[]): void {
  const mask = new BigUint64Array(Math.floor(Math.max(0, ...processors) / 64) + 1)
  for (const number of processors) mask[number >> 6] = (mask[number >> 6] ?? 0n) | (1n << BigInt(number & 63))
  syscall('sched_setaffinity', pid, mask.byteLength, mask)
}

/** setpriority(2): so many steps less gladly than this process; 19 is the end of it. */
export function addNiceness(pid: number, steps: number): void {
  syscall('setpriority', PRIO_PROCESS, pid, Math.min(MOST_NICE, getPriority() + steps))
}
