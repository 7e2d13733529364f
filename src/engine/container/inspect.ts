// container inspect: all that is known of a container, in podman's words (podman-container-inspect(1)). Takes no lock.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerRecord } from '#container/record.ts'
import { isLost, type StatusReport } from '#container/state.ts'
import type { ContainerName, InspectObject } from '#engine/contracts/container.ts'
import { unpackedFolders } from '#engine/image/unpacked-layers.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { errnoOf, TspodError } from '#errors.ts'
import { log } from '#log.ts'
import { type Digest, isDigest } from '#oci/digest.ts'
import { type RuntimeSpec, runtimeSpecVersion } from '#oci/runtime-spec.ts'
import { parseRuntimeSpec } from '#oci/runtime-spec-parser.ts'
import { seenHealth } from './health.ts'
import { describeConfig } from './inspect-config.ts'
import { describeHostConfig } from './inspect-host-config.ts'
import { describeNetwork } from './inspect-network.ts'
import { findOne } from './select.ts'
import { type ContainerSize, measureContainers } from './sizes.ts'
import { type SeenContainer, seeContainer } from './survey.ts'

/** Go's zero time, which podman prints for what never was. */
const NEVER = '0001-01-01T00:00:00Z'

/** The verb: each in order; fails on the first unknown name, or a record that is damaged. */
export async function inspectContainers(names: ContainerName[], options: { size: boolean }): Promise<InspectObject[]> {
  const engine = await openEngine()
  const found = names.map(name => seeContainer(engine, findOne(engine, name)))
  const containers = found.some(({ report }) => isLost(report))
    ? await (await import('./settle.ts')).settleSeen(engine, found)
    : found
  const sizes = options.size ? await measureContainers(engine, containers) : undefined
  return await Promise.all(containers.map(container => describe(engine, container, sizes?.get(container.id))))
}

async function describe(engine: Engine, seen: SeenContainer, size: ContainerSize | undefined): Promise<InspectObject> {
  const { id, folder, report } = seen
  const record = seen.requireRecord()
  const spec = await specOf(engine, record, folder)
  const [path = '', ...args] = spec?.process?.args ?? [...record.entrypoint, ...record.command]
  const { bounding = [], effective = [] } = spec?.process?.capabilities ?? {}
  return {
    Id: id,
    Created: new Date(record.createdMs).toISOString(),
    Path: path,
    Args: args,
    State: describeState(seen, report),
    Image: record.image?.id ?? '',
    ImageDigest: record.image?.digest ?? '',
    ImageName: record.image?.name ?? '',
    Rootfs: record.request.rootfs ?? '',
    Pod: record.pod?.id ?? '',
    ResolvConfPath: ifThere(join(folder, 'resolv.conf')),
    HostnamePath: ifThere(join(folder, 'hostname')),
    HostsPath: ifThere(join(folder, 'hosts')),
    StaticDir: folder,
    OCIConfigPath: ifThere(join(folder, 'config.json')),
    OCIRuntime: 'tspod',
    ConmonPidFile: '',
    PidFile: record.request.pidFile ?? '',
    Name: record.name,
    RestartCount: report.state?.restarts ?? report.exit?.restarts ?? 0,
    Driver: record.storageDriver,
    MountLabel: spec?.linux?.mountLabel ?? '',
    ProcessLabel: spec?.process?.selinuxLabel ?? '',
    AppArmorProfile: spec?.process?.apparmorProfile ?? '',
    EffectiveCaps: effective.toSorted(),
    BoundingCaps: bounding.toSorted(),
    ExecIDs: [],
    GraphDriver: describeStorage(engine, record, folder),
    ...(size !== undefined && { SizeRw: size.writableBytes, SizeRootFs: size.rootFsBytes }),
    Mounts: describeMounts(record),
    Dependencies: record.dependsOn,
    NetworkSettings: describeNetwork(engine, seen, record),
    Namespace: '',
    IsInfra: record.pod?.isInfra ?? false,
    IsService: false,
    Config: describeConfig(record, spec, engine.config),
    HostConfig: describeHostConfig(engine, record, spec, await softLimitsOf(report)),
  }
}

/** What holds instead of limits that nobody enforces here, in its present or last run. */
async function softLimitsOf({ state }: StatusReport): Promise<string[]> {
  if (state?.softLimits === undefined) return []
  const { describeSoftLimits } = await import('#cgroup/soft-limits.ts')
  return describeSoftLimits(state.softLimits)
}

/** config.json; of a container that was never started, what would be in it. `undefined` where it cannot be decided any more. */
export async function specOf(
  engine: Engine,
  record: ContainerRecord,
  folder: string,
): Promise<RuntimeSpec | undefined> {
  try {
    return parseRuntimeSpec(readFileSync(join(folder, 'config.json'), 'utf8'))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
  try {
    const { existingContainer } = await import('./existing.ts')
    return (await existingContainer(engine, record.id)).blueprint.plan.spec
  } catch (error) {
    if (!(error instanceof TspodError)) throw error
    log.warn(`container ${record.name} could not be started as it is: ${error.message}`)
    return undefined
  }
}

function describeState(seen: SeenContainer, { state, exit }: StatusReport): InspectObject {
  const { isRunning, status } = seen
  const health = describeHealth(seen)
  return {
    OciVersion: runtimeSpecVersion,
    Status: status,
    Running: isRunning && status !== 'paused',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: exit?.oomKilled ?? false,
    Dead: false,
    Pid: isRunning ? (state?.pid ?? 0) : 0,
    ConmonPid: isRunning ? (state?.monitor.pid ?? 0) : 0,
    ExitCode: exit?.exitCode ?? 0,
    Error: exit?.error ?? '',
    StartedAt: state?.startedAt ?? exit?.startedAt ?? NEVER,
    FinishedAt: exit?.finishedAt ?? NEVER,
    Health: health,
    ...(state?.cgroupFolder !== undefined && { CgroupPath: state.cgroupFolder.replace('/sys/fs/cgroup', '') }),
    CheckpointedAt: NEVER,
    RestoredAt: NEVER,
    ...(status === 'elsewhere' && { Machine: state?.machineId }),
  }
}

function describeHealth(seen: SeenContainer): InspectObject {
  const health = seenHealth(seen)
  if (health === undefined) return { Status: '', FailingStreak: 0, Log: null }
  const log = health.log.map(({ start, end, exitCode, output }) => ({
    Start: start,
    End: end,
    ExitCode: exitCode,
    Output: output,
  }))
  return { Status: health.status, FailingStreak: health.failingStreak, Log: log.length === 0 ? null : log }
}

function describeMounts({ mounts }: ContainerRecord): InspectObject[] {
  const shown = mounts.filter(({ type }) => type === 'bind' || type === 'volume')
  return shown.map(({ type, name, source, destination, options, readWrite, propagation }) => ({
    Type: type,
    ...(name !== undefined && { Name: name }),
    Source: source,
    Destination: destination,
    Driver: type === 'volume' ? 'local' : '',
    Mode: '',
    Options: options.filter(option => option !== 'ro' && option !== 'rw' && option !== propagation),
    RW: readWrite,
    Propagation: propagation ?? '',
  }))
}

/** Where the root file system comes from. The image may have been removed by force; then its layers are not known. */
function describeStorage(engine: Engine, record: ContainerRecord, folder: string): InspectObject {
  const { storageDriver, image } = record
  if (image === undefined) return { Name: storageDriver, Data: { RootDir: record.request.rootfs ?? '' } }
  const merged = { MergedDir: join(folder, 'merged') }
  if (storageDriver === 'copy') return { Name: storageDriver, Data: merged }
  const lower = isDigest(image.digest) ? lowerFolders(engine, image.digest) : undefined
  return {
    Name: storageDriver,
    Data: {
      ...(lower !== undefined && { LowerDir: lower.join(':') }),
      ...merged,
      UpperDir: join(folder, 'upper'),
      WorkDir: join(folder, 'work'),
    },
  }
}

/** The folders of an image's layers, uppermost first. */
function lowerFolders(engine: Engine, digest: Digest): string[] | undefined {
  try {
    return unpackedFolders(engine.graphRoot, engine.images.open({ digest }).chain)
  } catch (error) {
    if (error instanceof TspodError && (error.code === 'NOT_FOUND' || error.code === 'INVALID')) return undefined
    throw error
  }
}

function ifThere(path: string): string {
  return existsSync(path) ? path : ''
}
