// The part `HostConfig` of a container's inspection: how it sits on this machine, as podman says it.
import { parseLogConfig } from '#container/log-config.ts'
import type { ContainerRecord } from '#container/record.ts'
import { containerDir } from '#container/record.ts'
import type { NamespaceMode, UsernsMode } from '#container/request.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import type { Engine } from '#engine/open.ts'
import type { RuntimeSpec, ThrottleSpec } from '#oci/runtime-spec.ts'
import { portBindings } from './inspect-network.ts'
import { idOrName, networkMode } from './network-mode.ts'

/** HostConfig; where there are no ports they are as podman shows them. */
export function describeHostConfig(
  engine: Engine,
  record: ContainerRecord,
  spec: RuntimeSpec | undefined,
  softLimits: readonly string[],
): InspectObject {
  const { request } = record
  const { containers } = engine.config
  const {
    memory = {},
    cpu = {},
    blockIO = {},
    pids,
    unified,
  } = (softLimits.length > 0 ? request.resources : spec?.linux?.resources) ?? request.resources ?? {}
  return {
    Binds: bindsOf(record),
    CgroupManager: engine.config.engine.cgroupManager ?? '',
    CgroupMode: modeOf(engine, request.cgroupns, 'private'),
    ContainerIDFile: request.cidFile ?? '',
    LogConfig: logConfigOf(engine, record),
    NetworkMode: networkMode(engine, record),
    PortBindings: portBindings(record.ports),
    RestartPolicy: {
      Name: request.restart?.name ?? '',
      MaximumRetryCount: request.restart?.maximumRetries ?? 0,
    },
    AutoRemove: request.remove,
    VolumeDriver: '',
    VolumesFrom: request.volumesFrom.length === 0 ? null : request.volumesFrom,
    ...capabilityChanges(spec, containers.defaultCapabilities, request.privileged),
    Dns: request.dns,
    DnsOptions: request.dnsOptions,
    DnsSearch: request.dnsSearch,
    ExtraHosts: request.addHosts,
    GroupAdd: request.groupAdd,
    IpcMode: modeOf(engine, request.ipc, 'shareable'),
    Cgroup: '',
    Cgroups: request.cgroups ?? 'default',
    Links: null,
    OomScoreAdj: request.oomScoreAdj ?? 0,
    PidMode: modeOf(engine, request.pid, 'private'),
    Privileged: request.privileged,
    PublishAllPorts: request.publishAll,
    ReadonlyRootfs: request.readOnly,
    SecurityOpt: request.securityOpts,
    Tmpfs: Object.fromEntries(
      record.mounts
        .filter(({ type }) => type === 'tmpfs')
        .map(({ destination, options }) => [destination, options.join(',')]),
    ),
    UTSMode: modeOf(engine, request.uts, 'private'),
    UsernsMode: usernsModeOf(engine, request.userns),
    ShmSize: request.shmSizeBytes ?? containers.shmSizeBytes,
    Runtime: 'oci',
    ConsoleSize: [spec?.process?.consoleSize?.height ?? 0, spec?.process?.consoleSize?.width ?? 0],
    Isolation: '',
    CpuShares: cpu.shares ?? 0,
    Memory: memory.limit ?? 0,
    NanoCpus: cpu.quota === undefined || cpu.period === undefined ? 0 : Math.round((cpu.quota / cpu.period) * 1e9),
    CgroupParent: request.cgroupParent ?? '',
    BlkioWeight: blockIO.weight ?? 0,
    BlkioWeightDevice:
      blockIO.weightDevice?.map(({ major, minor, weight = 0 }) => ({ Path: `${major}:${minor}`, Weight: weight })) ??
      null,
    BlkioDeviceReadBps: ratesOf(blockIO.throttleReadBpsDevice),
    BlkioDeviceWriteBps: ratesOf(blockIO.throttleWriteBpsDevice),
    BlkioDeviceReadIOps: ratesOf(blockIO.throttleReadIOPSDevice),
    BlkioDeviceWriteIOps: ratesOf(blockIO.throttleWriteIOPSDevice),
    CpuPeriod: cpu.period ?? 0,
    CpuQuota: cpu.quota ?? 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: cpu.cpus ?? '',
    CpusetMems: cpu.mems ?? '',
    Devices: request.devices.map(deviceOf),
    DiskQuota: 0,
    KernelMemory: 0,
    MemoryReservation: memory.reservation ?? 0,
    MemorySwap: memory.swap ?? 0,
    MemorySwappiness: 0,
    OomKillDisable: false,
    Init: request.init,
    PidsLimit: pids?.limit ?? 0,
    Ulimits: (spec?.process?.rlimits ?? []).map(({ type, soft, hard }) => ({ Name: type, Soft: soft, Hard: hard })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    CgroupConf: unified ?? null,
    ...(softLimits.length > 0 && { SoftLimits: softLimits }),
  }
}

function ratesOf(devices: readonly ThrottleSpec[] | undefined): InspectObject[] | null {
  return devices?.map(({ major, minor, rate }) => ({ Path: `${major}:${minor}`, Rate: rate })) ?? null
}

/** `source:destination:rw,rprivate,rbind`; of a volume its name. */
function bindsOf({ mounts }: ContainerRecord): string[] {
  return mounts
    .filter(({ type }) => type === 'bind' || type === 'volume')
    .map(({ name, source, destination, options, readWrite, propagation }) => {
      const first = [readWrite ? 'rw' : 'ro', ...(propagation === undefined ? [] : [propagation])]
      const words = [...first, ...options.filter(option => !['ro', 'rw', propagation].includes(option))]
      return `${name ?? source}:${destination}:${words.join(',')}`
    })
}

/** What the bounding set has beyond the default one, and lacks. */
function capabilityChanges(
  spec: RuntimeSpec | undefined,
  defaults: readonly string[],
  privileged: boolean,
): { CapAdd: string[]; CapDrop: string[] } {
  const bounding = spec?.process?.capabilities?.bounding
  if (bounding === undefined || privileged) return { CapAdd: [], CapDrop: [] }
  const usual = defaults.map(name => (name.startsWith('CAP_') ? name : `CAP_${name}`))
  return {
    CapAdd: bounding.filter(name => !usual.includes(name)).toSorted(),
    CapDrop: usual.filter(name => !bounding.includes(name)).toSorted(),
  }
}

function logConfigOf({ graphRoot }: Engine, record: ContainerRecord): InspectObject {
  const { logOpts } = record.request
  const config = parseLogConfig(record.logDriver, logOpts, containerDir(graphRoot, record.id))
  return {
    Type: record.logDriver,
    Config: Object.keys(logOpts).length === 0 ? null : logOpts,
    Path: record.logPath ?? '',
    Tag: '',
    Size: 'path' in config && config.maxSizeBytes !== undefined ? `${config.maxSizeBytes}B` : '0B',
  }
}

function modeOf(engine: Engine, mode: NamespaceMode, own: string): string {
  switch (mode.kind) {
    case 'private':
      return own
    case 'host':
      return 'host'
    case 'container':
      return `container:${idOrName(engine, mode.container)}`
    case 'path':
      return `ns:${mode.path}`
  }
}

function usernsModeOf(engine: Engine, mode: UsernsMode): string {
  if (mode.kind === 'default') return ''
  return mode.kind === 'container' || mode.kind === 'path' ? modeOf(engine, mode, '') : mode.kind
}

/** `/dev/x:/dev/y:rw` */
function deviceOf(text: string): InspectObject {
  const [onHost = '', inContainer = onHost] = text.split(':')
  return { PathOnHost: onHost, PathInContainer: inContainer, CgroupPermissions: '' }
}
