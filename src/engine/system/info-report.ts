// `tspod info`: podman-info(1)'s JSON, put together from the machine's facts and from what the engine has opened.

import type { Config } from '#config/config.ts'
import type { SystemInfo } from '#engine/contracts/system.ts'
import type { IdMappings } from '#userns/id-mapping.ts'
import { reportMachine, reportRoom } from './host-report.ts'
import { runtimeSpecVersion, systemVersion, tspodVersion } from './version.ts'

/** What only the opened engine knows; each choice comes with its reason in one line. */
export interface EngineFacts {
  /** The user's namespace: all subordinate ids, or one id and why only one. */
  rootless: { mode: 'full' | 'single'; mappings: IdMappings; reason?: string }
  cgroup: { manager: 'systemd' | 'cgroupfs' | 'none'; reason: string }
  storage: { driver: string; reason: string }
  network: { default: string; reason: string; available: readonly string[] }
  counts: { images: number; running: number; paused: number; stopped: number }
  runtime: { name: string; path: string; version: string }
  /** unqualified-search-registries, blocked ones, mirrors: what registries.conf says, by name */
  registries: Record<string, unknown>
  logDrivers: readonly string[]
}

/** The whole report. */
export function assembleInfo(config: Config, facts: EngineFacts): SystemInfo {
  return {
    host: {
      ...reportMachine(config),
      cgroupManager: facts.cgroup.manager,
      cgroupManagerReason: facts.cgroup.reason,
      databaseBackend: 'none',
      eventLogger: config.engine.eventsLogger,
      idMappings: { gidmap: mapReport(facts.rootless.mappings.gid), uidmap: mapReport(facts.rootless.mappings.uid) },
      logDriver: config.containers.logDriver,
      networkBackend: 'tspod',
      rootlessNetworkCmd: facts.network.default,
      networkReason: facts.network.reason,
      ociRuntime: { ...facts.runtime, specVersion: runtimeSpecVersion },
      rootlessMode: facts.rootless.mode,
      ...(facts.rootless.reason !== undefined && { rootlessReason: facts.rootless.reason }),
      serviceIsRemote: false,
    },
    store: reportStore(config, facts),
    registries: facts.registries,
    plugins: {
      volume: ['local'],
      network: facts.network.available,
      log: facts.logDrivers,
      authorization: null,
    },
    version: systemVersion(),
  }
}

function reportStore({ storage, engine, files }: Config, facts: EngineFacts): Record<string, unknown> {
  const { images, running, paused, stopped } = facts.counts
  const { kind, ...room } = reportRoom(storage.graphRoot)
  return {
    configFile: storage.file ?? '',
    configFiles: files,
    containerStore: { number: running + paused + stopped, paused, running, stopped },
    graphDriverName: facts.storage.driver,
    graphDriverReason: facts.storage.reason,
    graphOptions:
      storage.mountProgram === undefined ? {} : { 'overlay.mount_program': { Executable: storage.mountProgram } },
    graphRoot: storage.graphRoot,
    ...(storage.graphRootReason !== undefined && { graphRootReason: storage.graphRootReason }),
    ...room,
    graphStatus: { 'Backing Filesystem': kind },
    imageCopyTmpDir: engine.imageCopyTmpDir ?? `${storage.graphRoot}/tmp`,
    imageStore: { number: images },
    runRoot: storage.runRoot.path,
    volumePath: engine.volumePath ?? `${storage.graphRoot}/volumes`,
  }
}

function mapReport(extents: IdMappings['uid']): { container_id: number; host_id: number; size: number }[] {
  return extents.map(({ insideId, outsideId, count }) => ({ container_id: insideId, host_id: outsideId, size: count }))
}

/** The name under which tspod's own runtime is reported. */
export const ownRuntime = { name: 'tspod', path: process.execPath, version: `tspod version ${tspodVersion}` }
