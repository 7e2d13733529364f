// Starts what buildContainer or existingContainer decided.

import type { Engine } from '#engine/open.ts'
import { engineSettings } from '#engine/settings.ts'
import { type Launched, launchContainer } from '#monitor/launch.ts'
import { placeInCgroup } from './cgroup.ts'
import type { CreatedContainer } from './create.ts'
import type { PidFile } from './id-files.ts'
import { servicePlace, tellStarted, withServicePlace } from './service-manager.ts'

export interface LaunchOptions {
  /** This process stays and watches it. */
  isAttended: boolean
  /** It is started again by its policy: the how manieth time, and after how long a pause. */
  restarts?: number
  restartPauseMs?: number
}

/** Starts a container. Throws where its program cannot be executed. */
export async function launch(
  engine: Engine,
  container: CreatedContainer,
  { isAttended, restarts = 0, restartPauseMs }: LaunchOptions,
): Promise<Launched> {
  const { blueprint, root } = container
  const joined =
    blueprint.network.driver?.name === 'bridge'
      ? await (await import('./join-networks.ts')).joinNetworks(engine, container)
      : undefined
  using _place = joined?.connection
  const driver = joined?.driver ?? blueprint.network.driver
  const { pidFile: pidPath } = container.record.request
  using pidFile = pidPath === undefined ? undefined : await openPidFile(pidPath)
  const hasPorts = container.record.ports !== undefined && driver?.ports !== undefined
  const record = hasPorts
    ? await (await import('./publish.ts')).settlePorts(engine, container.record, driver.ports)
    : container.record
  try {
    const service = servicePlace(record)
    const staysHere = restartPauseMs !== undefined || service?.sockets.notify !== undefined
    const { spec: placed, cgroup } = await placeInCgroup(engine, record, blueprint.plan.spec, staysHere)
    const spec = service === undefined ? placed : withServicePlace(placed, service, record, engine.runRoot)
    const launched = await launchContainer({
      graphRoot: engine.graphRoot,
      runRoot: engine.runRoot,
      namespace: await engine.namespace(),
      record,
      spec,
      cgroup,
      files: joined?.files ?? blueprint.files,
      network: driver,
      connection: joined?.connection,
      root,
      restarts,
      restartPauseMs,
      engineSettings: engineSettings(),
      hasJournal: engine.config.engine.eventsLogger === 'file',
      isAttended,
      ...(service?.mode === 'container' && { notifyManager: service.sockets.notify }),
      listenFds: service?.sockets.listen?.count,
      meanwhile: isAttended ? loadAttending : async () => {},
    })
    pidFile?.write(launched.pid)
    if (service !== undefined) await tellStarted(service, launched.monitorPid)
    return launched
  } catch (error) {
    if (!hasPorts) throw error
    throw await (await import('./publish.ts')).explainFailure(engine, record.ports ?? [], driver.ports, error)
  }
}

/** Before the start: where it cannot be written, nothing runs yet. */
async function openPidFile(path: string): Promise<PidFile> {
  const { PidFile: File } = await import('./id-files.ts')
  return new File(path)
}

/** What the attached command line runs next. */
async function loadAttending(): Promise<void> {
  await import('./attach.ts')
  await import('#monitor/attended.ts')
}
