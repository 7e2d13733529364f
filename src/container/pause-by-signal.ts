// Pausing without a control group: SIGSTOP to every process of the container's pid namespace, again and again until none has got away
// by forking. Unlike the freezer it can be seen: a parent inside may be told that its child has stopped. Host namespaces.
import { TspodError } from '#errors.ts'
import { processesBeside } from '#host/process-table.ts'
import { SIGCONT, SIGSTOP } from '#sys/flags.ts'
import { killProcess } from '#sys/process.ts'

const ROUNDS = 100
const ROUND_MS = 2

/** Stops them all; the numbers of those that had been stopped before. Throws, with all going on, where that cannot be had. */
export async function stopProcesses(pid: number): Promise<number[]> {
  const before = processesBeside(pid)
    .filter(({ state }) => isStopped(state))
    .map(({ hostPid }) => hostPid)
  for (let round = 0; round < ROUNDS; round++) {
    const going = processesBeside(pid).filter(({ state }) => !isStopped(state) && state !== 'Z' && state !== 'X')
    if (going.length === 0) return before
    for (const { hostPid } of going) killProcess(hostPid, SIGSTOP)
    await new Promise(resolve => setTimeout(resolve, ROUND_MS))
  }
  continueProcesses(pid, before)
  throw new TspodError('INTERNAL', `stopping the processes beside ${pid}: some still run after ${ROUNDS} signals`, {
    hint: 'they wait inside the kernel, often for a file server',
  })
}

/** Lets them go on, but for those that had been stopped before. */
export function continueProcesses(pid: number, spared: readonly number[]): void {
  for (const { hostPid } of processesBeside(pid)) if (!spared.includes(hostPid)) killProcess(hostPid, SIGCONT)
}

/** Stopped by a signal, or by whoever traces it. */
function isStopped(state: string): boolean {
  return state === 'T' || state === 't'
}
