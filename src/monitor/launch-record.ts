// What a start leaves in the container's folder, and what its monitor is told.
import { type ContainerRecord, containerDir, hasScratch } from '#container/record.ts'
import { markRunning } from '#container/running-index.ts'
import { thisMachine, writeState } from '#container/state.ts'
import type { CreatedProcess } from '#runtime/create.ts'
import type { PoststopHooks } from '#runtime/hooks.ts'
import { readProcessStat } from '#sys/process.ts'
import type { LaunchRequest } from './launch.ts'
import type { ChildMessage } from './protocol.ts'

export function recordState(
  folder: string,
  { graphRoot, network, restarts, softLimits }: LaunchRequest,
  created: CreatedProcess,
  helperPid: number | undefined,
  startedAt: string,
): void {
  markRunning(folder)
  writeState(folder, {
    version: 1,
    ...thisMachine(graphRoot),
    ...created.identity,
    monitor: created.monitor,
    startedAt,
    restarts,
    ...(network !== undefined && {
      network: { driver: network.name, ...(network.address !== undefined && { address: network.address }) },
    }),
    ...(created.cgroupFolder !== undefined && { cgroupFolder: created.cgroupFolder }),
    ...(softLimits && { softLimits }),
    ...(helperPid !== undefined && {
      networkHelper: { pid: helperPid, startTime: readProcessStat(helperPid)?.startTime ?? 0 },
    }),
  })
}

/** An init container ends before the others begin. */
function endsPod({ pod, request }: ContainerRecord): Pick<ChildMessage, 'endsPod'> {
  if (pod?.endsWithMembers !== true || pod.infraId === undefined || request.initCtr !== undefined) return {}
  return { endsPod: { id: pod.id, infraId: pod.infraId } }
}

export function childMessage(
  {
    record,
    namespace,
    graphRoot,
    runRoot,
    hasJournal,
    network,
    notifyManager,
    restarts,
    restartPauseMs,
    engineSettings,
    softLimits,
  }: LaunchRequest,
  created: CreatedProcess,
  helperPid: number | undefined,
  startedAt: string,
  poststop: PoststopHooks | undefined,
): ChildMessage {
  const { request } = record
  const helpers = [
    ...(helperPid === undefined ? [] : [{ name: network?.name ?? '', pid: helperPid, isAwaited: false }]),
    ...created.storagePids.map(pid => ({ name: 'fuse-overlayfs', pid, isAwaited: true })),
  ]
  return {
    id: record.id,
    name: record.name,
    ...created.identity,
    folder: containerDir(graphRoot, record.id),
    graphRoot,
    runRoot,
    tty: request.tty,
    openStdin: request.interactive,
    stdinOnce: request.interactive && !request.detach,
    logDriver: record.logDriver,
    logOpts: request.logOpts,
    remove: request.remove,
    ...(hasScratch(record.mounts) && { hasScratch: true }),
    anonymousVolumes: record.mounts.flatMap(mount =>
      mount.anonymous === true && mount.name !== undefined ? [mount.name] : [],
    ),
    stopSignal: record.stopSignal,
    stopTimeoutSeconds: record.stopTimeoutSeconds,
    ...(request.timeoutSeconds !== undefined && { timeoutSeconds: request.timeoutSeconds }),
    helpers,
    ...(created.cgroupFolder !== undefined && { cgroupFolder: created.cgroupFolder }),
    ...(poststop !== undefined && { poststop }),
    ...(record.healthcheck && { health: { check: record.healthcheck, isSingle: namespace.mode === 'single' } }),
    ...(softLimits && { softLimits }),
    restarts,
    ...(request.restart !== undefined && { hasPolicy: true }),
    ...endsPod(record),
    ...(restartPauseMs !== undefined && { restartPauseMs }),
    engineSettings,
    ...(notifyManager !== undefined && { notifyManager }),
    ...(hasJournal && {
      journal: { image: record.image?.name ?? '', attributes: record.labels },
    }),
    startedAt,
  }
}
