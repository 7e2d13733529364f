// kill: sends a signal to a container's process 1.
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, type ContainerRecord, containerDir, readRecord } from '#container/record.ts'
import { isRunning, readStatus, requireAllowed, signalContainer, writeState } from '#container/state.ts'
import type { Outcome, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { parseSignal } from '#oci/signal.ts'
import { forEachChosen } from './outcomes.ts'
import { selectContainers } from './select.ts'
import { machineOf } from './survey.ts'

/** The verb, for several. */
export async function killContainers(selection: Selection, options: { signal: string }): Promise<Outcome[]> {
  const signal = parseSignal(options.signal)
  const engine = await openEngine()
  const chosen = await selectContainers(engine, selection, ({ report }) => isRunning(report))
  return await forEachChosen(chosen, async id => await killContainer(engine, id, signal))
}

async function killContainer(engine: Engine, id: ContainerId, signal: number): Promise<void> {
  const record = readRecord(engine.graphRoot, id)
  const { name, image, labels } = record
  const folder = containerDir(engine.graphRoot, id)
  if (isToEnd(record, signal)) await noteEndedByUser(engine, folder)
  const report = readStatus(folder, machineOf(engine))
  requireAllowed('kill', id, report)
  if (report.state === undefined || !signalContainer(report.state, signal))
    requireAllowed('kill', id, { ...report, status: 'exited' })
  engine.journal({
    type: 'container',
    status: 'kill',
    id,
    name,
    image: image?.name ?? '',
    attributes: { ...labels, signal: String(signal) },
  })
}

const SIGKILL = 9
const SIGTERM = 15

/** Such a signal is sent to end it, others to tell it something. */
function isToEnd({ request, stopSignal }: ContainerRecord, signal: number): boolean {
  return request.restart !== undefined && [SIGKILL, SIGTERM, stopSignal].includes(signal)
}

/** So that its policy does not start it again. */
async function noteEndedByUser(engine: Engine, folder: string): Promise<void> {
  await withContainerLock(folder, () => {
    const report = readStatus(folder, machineOf(engine))
    if (isRunning(report) && report.state !== undefined) writeState(folder, { ...report.state, endedByUser: true })
  })
}
