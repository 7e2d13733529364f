// kill: sends a signal to a container's process 1.
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { isRunning, readStatus, requireAllowed, signalContainer } from '#container/state.ts'
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
  return await forEachChosen(chosen, async id => killContainer(engine, id, signal))
}

function killContainer(engine: Engine, id: ContainerId, signal: number): void {
  const { name, image, labels } = readRecord(engine.graphRoot, id)
  const report = readStatus(containerDir(engine.graphRoot, id), machineOf(engine))
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
