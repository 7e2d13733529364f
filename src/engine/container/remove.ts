// rm: takes containers away, their names and, where asked for, their anonymous volumes.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { awaitEnd, awaitRecorded } from '#container/end-waiting.ts'
import { withContainerLock } from '#container/lock.ts'
import {
  type ContainerId,
  type ContainerRecord,
  containerDir,
  listRecords,
  type RecordedPod,
  readRecord,
} from '#container/record.ts'
import { disposeHidden, hideContainer, removeContainerFiles } from '#container/remove.ts'
import {
  endMonitor,
  isAllowed,
  isLost,
  isRunning,
  readStatus,
  requireAllowed,
  type StatusReport,
} from '#container/state.ts'
import { listAbandoned } from '#container/unfinished.ts'
import type { Outcome, RemoveOptions, Selection } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { log } from '#log.ts'
import { runFolder } from '#monitor/run-folder.ts'
import { endLeftGroup } from './cgroup.ts'
import { forAllChosen } from './outcomes.ts'
import { selectContainers } from './select.ts'
import { stopContainer } from './stop.ts'
import { machineOf } from './survey.ts'

/** The verb, for several at the same time. */
export async function removeContainers(selection: Selection, options: RemoveOptions): Promise<Outcome[]> {
  const engine = await openEngine()
  // with its members, the infra container of a pod is removed by the verb of pods
  const chosen = await selectContainers(
    engine,
    selection,
    ({ record }) => options.withPods === true || record?.pod?.isInfra !== true,
  )
  const ids = new Set(chosen.flatMap(one => ('id' in one ? [one.id] : [])))
  const removal = new Removal(engine, options, ids)
  if (selection.all) await removeAbandoned(engine)
  return await forAllChosen(chosen, async id => await removal.remove(id))
}

/** What killed commands left of containers that they were making. */
async function removeAbandoned(engine: Engine): Promise<void> {
  const { graphRoot } = engine
  for (const id of listAbandoned(graphRoot))
    await removeContainerFiles({ graphRoot, id, name: '', anonymousVolumes: [] }, async () => await engine.namespace())
}

/** One removal of several containers; those that depend on others go first. */
class Removal {
  readonly #engine: Engine
  readonly #options: RemoveOptions
  readonly #chosen: ReadonlySet<ContainerId>
  readonly #begun = new Map<ContainerId, Promise<void>>()
  #records: ContainerRecord[] | undefined

  constructor(engine: Engine, options: RemoveOptions, chosen: ReadonlySet<ContainerId>) {
    this.#engine = engine
    this.#options = options
    this.#chosen = chosen
  }

  remove(id: ContainerId): Promise<void> {
    const begun = this.#begun.get(id) ?? this.#removeOne(id)
    this.#begun.set(id, begun)
    return begun
  }

  async #removeOne(id: ContainerId): Promise<void> {
    const { force } = this.#options
    const folder = containerDir(this.#engine.graphRoot, id)
    const record = this.#readRecord(id)
    if (record?.pod?.isInfra === true && this.#options.withPods !== true) refuseInfra(this.#engine, id, record.pod)
    await this.#removeDependents(id)
    let report = readStatus(folder, machineOf(this.#engine))
    if (report.isEnding === true) report = await awaitRecorded(folder, machineOf(this.#engine))
    const isStopped = (isRunning(report) || report.status === 'restarting') && force
    const monitor = isStopped ? report.state?.monitor : undefined
    if (isStopped) {
      await this.#stop(id, record)
      report = readStatus(folder, machineOf(this.#engine))
    }
    if (report.isEnding === true && force) report = await this.#endRecording(folder, report)
    if (!isStopped) requireAllowed('remove', id, report)
    if (isLost(report)) await this.#settle(id)
    await endLeftGroup(folder)
    const trash = await this.#hide(id, folder)
    // a service manager kills the main process of a service, which it may be, as soon as this command has ended (ExecStop=)
    if (monitor !== undefined) await awaitEnd(monitor, MONITOR_END_MS)
    if (trash === undefined) return // its own monitor was faster (--rm)
    const { graphRoot, runRoot } = this.#engine
    rmSync(runFolder(runRoot, id), { recursive: true, force: true })
    const anonymousVolumes = this.#options.volumes || record?.request.remove === true ? volumesOf(record) : []
    const { name = '', image, labels = {} } = record ?? {}
    this.#engine.journal({
      type: 'container',
      status: 'remove',
      id,
      name,
      image: image?.name ?? '',
      attributes: labels,
    })
    await disposeHidden({ graphRoot, id, name, trash, anonymousVolumes }, () => this.#engine.namespace())
    if (record?.pod?.isInfra === true)
      (await import('#engine/pod/dispose.ts')).disposeAbandonedPod(this.#engine, record.pod.id)
  }

  /** Its monitor waits for space to record the end, which nobody wants any more. */
  async #endRecording(folder: string, { state }: StatusReport): Promise<StatusReport> {
    if (state !== undefined && endMonitor(state)) await awaitEnd(state.monitor, MONITOR_END_MS)
    return readStatus(folder, machineOf(this.#engine))
  }

  /** On a full disk its end cannot be recorded, and nobody will ask for it. */
  async #settle(id: ContainerId): Promise<void> {
    const { settleLost } = await import('./settle.ts')
    try {
      await settleLost(this.#engine, id)
    } catch (error) {
      log.debug(`container ${id}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** A damaged record is no reason to keep what is left of a container, if that is what the user wants. */
  #readRecord(id: ContainerId): ContainerRecord | undefined {
    try {
      return readRecord(this.#engine.graphRoot, id)
    } catch (error) {
      if (hasCode(error, 'INVALID') && this.#options.force) return undefined
      throw error
    }
  }

  async #stop(id: ContainerId, record: ContainerRecord | undefined): Promise<void> {
    const { timeoutSeconds } = this.#options
    try {
      // without its record nobody knows how it wants to be stopped
      await stopContainer(this.#engine, id, record === undefined ? { timeoutSeconds: 0 } : { timeoutSeconds })
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
    }
  }

  /** Between the look and the rename another command may have started it. */
  async #hide(id: ContainerId, folder: string): Promise<string | undefined> {
    try {
      return await withContainerLock(folder, () => {
        const report = readStatus(folder, machineOf(this.#engine))
        if (!isAllowed('remove', report.status)) requireAllowed('remove', id, report)
        return hideContainer(this.#engine.graphRoot, id)
      })
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }

  async #removeDependents(id: ContainerId): Promise<void> {
    this.#records ??= listRecords(this.#engine.graphRoot).records
    const dependents = this.#records.filter(({ dependsOn }) => dependsOn.includes(id))
    const kept = dependents.filter(dependent => !this.#options.depend && !this.#chosen.has(dependent.id))
    if (kept.length > 0)
      throw new TspodError(
        'CONFLICT',
        `container ${id} has dependent containers which must be removed before it: ${kept.map(({ id: other }) => other).join(', ')}: container already exists`,
        { hint: 'use --depend to remove them too' },
      )
    await Promise.all(dependents.map(async dependent => await this.remove(dependent.id)))
  }
}

/** A pod whose record is gone has nobody else to remove its infra container. */
function refuseInfra({ graphRoot }: Engine, id: ContainerId, pod: RecordedPod): void {
  if (!existsSync(join(graphRoot, 'pods', pod.id, 'pod.json'))) return
  throw new TspodError(
    'CONFLICT',
    `container ${id} is the infra container of pod ${pod.id} and cannot be removed without removing the pod`,
    { hint: `tspod pod rm ${pod.name}` },
  )
}

/** How long a monitor that was killed may take to go. */
const MONITOR_END_MS = 5000

function volumesOf(record: ContainerRecord | undefined): string[] {
  return (record?.mounts ?? []).flatMap(({ anonymous, name }) =>
    anonymous === true && name !== undefined ? [name] : [],
  )
}
