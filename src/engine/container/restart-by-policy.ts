// Starts a container again whose monitor waits for that, as its policy has it; and takes such a restart back. The monitor runs the first
// as `tspod restart:<id> <settings>`, a child of its own.
import { awaitEnd } from '#container/end-waiting.ts'
import { readExitRecord, writeExitRecord } from '#container/exit-record.ts'
import { withContainerLock } from '#container/lock.ts'
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { unmarkRunning } from '#container/running-index.ts'
import { endRestarter, readStatus, type StatusReport } from '#container/state.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { type EngineSettings, useEngineSettings } from '#engine/settings.ts'
import { existingContainer } from './existing.ts'
import { launch } from './launch.ts'
import { machineOf } from './survey.ts'

/** How long a monitor may take to go when its restart is taken back. */
const RESTARTER_END_MS = 1000

/** The role: 0 when the container runs, or is not to; 1 when it could not be started, which is on record. */
export async function restartMain(id: string, settings: string): Promise<number> {
  useEngineSettings(JSON.parse(settings) as EngineSettings)
  const engine = await openEngine()
  const folder = containerDir(engine.graphRoot, id as ContainerId)
  return await withContainerLock(folder, async () => {
    const { status, exit } = readStatus(folder, machineOf(engine))
    if (status !== 'restarting' || exit?.restart?.process.pid !== process.ppid) return 0 // somebody has taken it back
    try {
      await restart(engine, id as ContainerId, exit.restart)
      return 0
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      writeExitRecord(folder, { ...exit, error: `starting it again: ${message}` }, false)
      return 1
    }
  })
}

async function restart(
  engine: Engine,
  id: ContainerId,
  { count, pauseMs }: { count: number; pauseMs: number },
): Promise<void> {
  const { pod } = readRecord(engine.graphRoot, id)
  if (pod !== undefined) await (await import('#engine/pod/infra.ts')).ensureInfra(engine, id, pod)
  const container = await existingContainer(engine, id)
  const { name, image, labels } = container.record
  engine.journal({ type: 'container', status: 'restart', id, name, image: image?.name ?? '', attributes: labels })
  const launched = await launch(engine, container, { restarts: count, restartPauseMs: pauseMs, isAttended: false })
  launched.control.close()
}

/** For a caller that holds the container's lock: it stays as it is. `byUser`: it has been stopped, rather than started otherwise. */
export async function cancelRestart(folder: string, { exit }: StatusReport, byUser: boolean): Promise<void> {
  if (exit?.restart === undefined) return
  const { process: monitor } = exit.restart
  const { restart: _, ...ended } = readExitRecord(folder) ?? exit
  writeExitRecord(folder, { ...ended, ...(byUser && { endedByUser: true }) }, true)
  unmarkRunning(folder)
  if (endRestarter(monitor, 'SIGTERM') && !(await awaitEnd(monitor, RESTARTER_END_MS))) endRestarter(monitor, 'SIGKILL')
}
