// Starts what buildContainer or existingContainer decided.

import type { Engine } from '#engine/open.ts'
import { engineSettings } from '#engine/settings.ts'
import { type Launched, launchContainer } from '#monitor/launch.ts'
import { placeInCgroup } from './cgroup.ts'
import type { CreatedContainer } from './create.ts'
import type { PidFile } from './id-files.ts'
import { requireOwner } from './join-namespaces.ts'
import type { JoinedNetworks } from './join-networks.ts'
import { servicePlace, tellStarted, withServicePlace } from './service-manager.ts'

export interface LaunchOptions {
  /** This process stays and watches it. */
  isAttended: boolean
  /** It is started again by its policy: the how manieth time, and after how long a pause. */
  restarts?: number
  restartPauseMs?: number
  /** Started for another one: it is not what a service manager asks for. */
  isDependency?: boolean
}

/** Starts a container. Throws where its program cannot be executed, and CONFLICT where one whose namespaces it joins does not run. */
export async function launch(
  engine: Engine,
  container: CreatedContainer,
  { isAttended, restarts = 0, restartPauseMs, isDependency = false }: LaunchOptions,
): Promise<Launched> {
  const { blueprint, root, waitsFor } = container
  requireOwner(engine, { waitsFor })
  const joined = await joinService(engine, container)
  using _place = joined?.connection
  const driver = joined?.driver ?? blueprint.network.driver
  const { pidFile: pidPath, monitorPidFile: monitorPath } = container.record.request
  using pidFile = pidPath === undefined ? undefined : await openPidFile(pidPath)
  using monitorPidFile = monitorPath === undefined ? undefined : await openPidFile(monitorPath)
  const hasPorts = container.record.ports !== undefined && driver?.ports !== undefined
  const record = hasPorts
    ? await (await import('./publish.ts')).settlePorts(engine, container.record, driver.ports)
    : container.record
  try {
    const service = isDependency ? undefined : servicePlace(record)
    const staysHere = restartPauseMs !== undefined || service?.sockets.notify !== undefined
    const { spec: placed, cgroup, softLimits } = await placeInCgroup(engine, record, blueprint.plan.spec, staysHere)
    const spec = service === undefined ? placed : withServicePlace(placed, service, record, engine.runRoot)
    const launched = await launchContainer({
      graphRoot: engine.graphRoot,
      runRoot: engine.runRoot,
      namespace: await engine.namespace(),
      record,
      spec,
      cgroup,
      softLimits,
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
      meanwhile: async () => await (isAttended ? loadAttending(record.logDriver) : undefined),
    })
    pidFile?.write(launched.pid)
    if (launched.monitorPid !== undefined) monitorPidFile?.write(launched.monitorPid)
    if (service !== undefined) await tellStarted(service, launched.monitorPid)
    return launched
  } catch (error) {
    if (!hasPorts) throw error
    throw await (await import('./publish.ts')).explainFailure(engine, record.ports ?? [], driver.ports, error)
  }
}

/** Where the network service has a part in it. */
async function joinService(engine: Engine, container: CreatedContainer): Promise<JoinedNetworks | undefined> {
  const { driver } = container.blueprint.network
  const isOnNetworks = driver?.name === 'bridge'
  const isForwarded = container.record.ports?.some(port => driver?.ports?.isForwarded?.(port)) === true
  if (!isOnNetworks && !isForwarded) return undefined
  await (await import('./network-service.ts')).ensureService(engine)
  if (isOnNetworks) return await (await import('./join-networks.ts')).joinNetworks(engine, container)
  return await (await import('./forward-ports.ts')).joinForwarder(engine, container)
}

/** Before the start: where it cannot be written, nothing runs yet. */
async function openPidFile(path: string): Promise<PidFile> {
  const { PidFile: File } = await import('./id-files.ts')
  return new File(path)
}

/** What the attached command line runs next. */
async function loadAttending(logDriver: string): Promise<void> {
  await import('./attach.ts')
  await import('#monitor/attended.ts')
  if (logDriver === 'k8s-file') await import('#monitor/log/k8s-file.ts')
}
