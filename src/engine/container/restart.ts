// restart: stops containers that run, and starts them again.
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { isRunning, readStatus, type StatusReport } from '#container/state.ts'
import type { Outcome, RestartOptions, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { log } from '#log.ts'
import { forEachChosen } from './outcomes.ts'
import { selectContainers } from './select.ts'
import { leftBehind } from './shared-namespaces.ts'
import { startContainer } from './start.ts'
import { stopContainer } from './stop.ts'
import { machineOf } from './survey.ts'

/** The verb, for several, one after the other. */
export async function restartContainers(selection: Selection, options: RestartOptions): Promise<Outcome[]> {
  const engine = await openEngine()
  const { runningOnly } = options
  const fits = runningOnly ? { ...selection, all: selection.all || selection.names.length === 0 } : selection
  const chosen = await selectContainers(engine, fits, ({ report }) => !runningOnly || isActive(report))
  return await forEachChosen(chosen, async id => await restartContainer(engine, id, options))
}

async function restartContainer(engine: Engine, id: ContainerId, options: RestartOptions): Promise<void> {
  const report = readStatus(containerDir(engine.graphRoot, id), machineOf(engine))
  if (options.runningOnly && !isActive(report)) return
  await stopContainer(engine, id, options)
  await startContainer(engine, id)
  const { name, image, labels } = readRecord(engine.graphRoot, id)
  for (const other of leftBehind(engine, id))
    log.warn(
      `container "${other}" runs on in namespaces that "${name}" has left; to bring them together again: tspod restart ${other}`,
    )
  engine.journal({ type: 'container', status: 'restart', id, name, image: image?.name ?? '', attributes: labels })
}

function isActive(report: StatusReport): boolean {
  return isRunning(report) || report.status === 'restarting'
}
