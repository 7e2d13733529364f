// start: runs the process of containers that exist and do not run.

import { awaitRecorded } from '#container/end-waiting.ts'
import { withContainerLock } from '#container/lock.ts'
import type { ContainerRecord } from '#container/record.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { isLost, isRunning, readStatus, requireAllowed } from '#container/state.ts'
import type { AttachOutcome, ClientStreams, ContainerName, Outcome, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import type { Launched } from '#monitor/launch.ts'
import { existingContainer } from './existing.ts'
import { type LaunchOptions, launch } from './launch.ts'
import { forEachChosen } from './outcomes.ts'
import { findOne, selectContainers } from './select.ts'
import { machineOf } from './survey.ts'

/** The verb, for several. One that runs already is fine; `all` means those that do not run. */
export async function startContainers(selection: Selection): Promise<Outcome[]> {
  const engine = await openEngine()
  const chosen = await selectContainers(engine, selection, ({ report }) => !isRunning(report))
  return await forEachChosen(chosen, async id => await startContainer(engine, id))
}

/** Starts one and leaves it running. Does nothing where it runs already. */
export async function startContainer(
  engine: Engine,
  id: ContainerId,
  options: Pick<LaunchOptions, 'isDependency'> = {},
): Promise<void> {
  const started = await start(engine, id, { ...options, isAttended: false })
  started?.launched.control.close()
}

/** Starts one and stays attached from its first byte on; attaches to one that runs already. */
export async function startAttached(name: ContainerName, streams: ClientStreams): Promise<AttachOutcome> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const started = await start(engine, id, { isAttended: true })
  const { attachClient, attachContainer } = await import('./attach.ts')
  if (started === undefined) return await attachContainer(id, streams)
  return await attachClient(engine, started.record, started.launched, streams)
}

/** `undefined` where it runs already. */
async function start(
  engine: Engine,
  id: ContainerId,
  options: LaunchOptions,
): Promise<{ record: ContainerRecord; launched: Launched } | undefined> {
  const folder = containerDir(engine.graphRoot, id)
  const { dependsOn, request, pod } = readRecord(engine.graphRoot, id)
  if (dependsOn.length > 0 && !isRunning(readStatus(folder, machineOf(engine))))
    await startOwners(engine, { request, pod })
  return await withContainerLock(folder, async () => {
    const report = await awaitRecorded(folder, machineOf(engine)) // an end that is just being recorded is waited for
    if (isRunning(report)) return undefined
    requireAllowed('start', id, report)
    if (report.status === 'restarting')
      await (await import('./restart-by-policy.ts')).cancelRestart(folder, report, false)
    if (isLost(report)) await (await import('./settle.ts')).settleHeld(engine, id)
    const container = await existingContainer(engine, id)
    return { record: container.record, launched: await launch(engine, container, options) }
  })
}

/** Starts the containers whose namespaces this one joins, where they do not run, and those that they need in turn; its pod's among them. */
export async function startOwners(
  engine: Engine,
  { request, pod }: Pick<ContainerRecord, 'request' | 'pod'>,
): Promise<void> {
  const { ids } = (await import('./join-namespaces.ts')).joinNamespaces(engine, request)
  const infra = pod?.infraId === undefined || pod.isInfra === true ? [] : [pod.infraId]
  for (const owner of new Set([...infra, ...ids])) await startContainer(engine, owner, { isDependency: true })
}
