// The end of a pod's last member, where that is the pod's (podman-pod-create(1), --exit-policy=stop): its infra container is stopped.
// Runs in the member's monitor, or in the attached command line, once the end is on record.
import { awaitEnd } from '#container/end-waiting.ts'
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, listRecords, readRecord } from '#container/record.ts'
import { isRunning, readStatus, signalContainer, thisMachine, writeState } from '#container/state.ts'
import { hasCode } from '#errors.ts'
import type { ChildMessage } from './protocol.ts'

const SIGKILL = 9

/** Does nothing while another member runs, is about to start again, or has not been started yet. */
export async function endPod({ graphRoot, id }: ChildMessage, pod: { id: string; infraId: string }): Promise<void> {
  const here = thisMachine(graphRoot)
  const others = listRecords(graphRoot).records.filter(
    record => record.pod?.id === pod.id && record.pod.isInfra !== true && record.id !== id,
  )
  const isOver = ({ id: other }: { id: ContainerId }) =>
    readStatus(containerDir(graphRoot, other), here).status === 'exited'
  const members = others.filter(({ request }) => request.initCtr === undefined)
  if (!members.every(isOver)) return
  try {
    await stopInfra(graphRoot, pod.infraId as ContainerId)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error // the pod has been removed
  }
}

async function stopInfra(graphRoot: string, id: ContainerId): Promise<void> {
  const folder = containerDir(graphRoot, id)
  const { stopSignal, stopTimeoutSeconds } = readRecord(graphRoot, id)
  const state = await withContainerLock(folder, () => {
    const report = readStatus(folder, thisMachine(graphRoot))
    if (!isRunning(report) || report.state === undefined) return undefined
    writeState(folder, { ...report.state, endedByUser: true }) // its policy, or a service manager, is not to start it again
    return report.state
  })
  if (state === undefined) return
  signalContainer(state, stopSignal)
  if (!(await awaitEnd(state, stopTimeoutSeconds * 1000))) signalContainer(state, SIGKILL)
}
