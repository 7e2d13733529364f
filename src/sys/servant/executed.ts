// The proof that a process has executed a program: execve(2) gives it a new name (proc_pid_comm(5)).
import { trySyscall } from '#sys/call.ts'
import { readProcessStat } from '#sys/process.ts'

const PAUSE_NS = 100_000n

/** A name for a process that no program has: 15 characters, as many as fit. */
export function randomName(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(8)))
    .toString('hex')
    .slice(0, 15)
}

/** True once the process has another name than this one, or is gone; false if it ended with it. */
export function hasLostName(pid: number, name: string, deadlineMs: number): boolean {
  const end = performance.now() + deadlineMs
  for (;;) {
    const stat = readProcessStat(pid)
    if (stat === undefined || stat.comm !== name) return true
    if (stat.state === 'Z' || stat.state === 'X' || performance.now() > end) return false
    trySyscall('ppoll', 0, 0, new BigInt64Array([0n, PAUSE_NS]), 0, 8) // on its way: exiting, or about to be renamed
  }
}
