// The control group of a container: decided from its limits, before it starts, and found again while it runs.
import type { CgroupManager, PendingCgroup } from '#cgroup/manager.ts'
import type { PickedCgroups } from '#cgroup/pick.ts'
import type { SoftLimits } from '#cgroup/soft-limits.ts'
import { type ContainerRecord, containerDir } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { type ContainerState, readState } from '#container/state.ts'
import { keeperUnit } from '#engine/detach.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { ResourcesSpec, RuntimeSpec } from '#oci/runtime-spec.ts'

/** Throws, with the reason, for limits that cannot be enforced on this machine, or come close to where that is wanted. */
export async function checkLimits(
  engine: Engine,
  request: Pick<ContainerRequest, 'resources' | 'cgroups' | 'cgroupParent' | 'softLimits'>,
): Promise<void> {
  const { resources, cgroups, cgroupParent, softLimits } = request
  if (cgroupParent !== undefined) await requireParent(engine, cgroupParent)
  if (resources === undefined) return
  if (softLimits === true) {
    await partLimits(engine, '0', { resources, cgroups })
    return
  }
  if (cgroups === 'disabled')
    throw new TspodError('INVALID', '--cgroups=disabled: without a control group there is nothing to limit it in')
  const { planSettings } = await import('#cgroup/settings.ts')
  const { requireControllers } = await import('#cgroup/pick.ts')
  requireControllers(await managerFor(engine, { cgroups }), planSettings(resources))
}

/** A place for its group is asked for: there must be somebody who makes one. */
async function requireParent(engine: Engine, parent: string): Promise<void> {
  const { manager, reason } = await engine.cgroups()
  if (manager !== undefined) return
  throw new TspodError('UNSUPPORTED', `--cgroup-parent "${parent}": no control group is made here: ${reason}`, {
    hint: '`tspod doctor` tells what is missing; without the option it runs in the group of the caller',
  })
}

/** Where a container is to start, and its spec with the limits that hold. */
export interface PlacedContainer {
  spec: RuntimeSpec
  /** Absent: nobody makes one here. */
  cgroup: PendingCgroup | undefined
  /** What holds instead of limits that cannot be enforced. */
  softLimits?: SoftLimits
}

/** Who makes its group: of a split one, nobody but the user, who owns the group of the caller. */
async function managerFor(engine: Engine, { cgroups }: Pick<ContainerRequest, 'cgroups'>): Promise<PickedCgroups> {
  if (cgroups !== 'split') return await engine.cgroups()
  const { openCgroupfs } = await import('#cgroup/cgroupfs.ts')
  const manager = openCgroupfs()
  if (typeof manager === 'string')
    throw new TspodError('UNSUPPORTED', `--cgroups=split: ${manager}`, {
      hint: 'it parts the group of a unit with Delegate=yes, such as `systemd-run --user -p Delegate=yes` makes',
    })
  return { manager, reason: '--cgroups=split' }
}

/** The limits that are enforced here, and what comes close to the others. */
async function partLimits(
  engine: Engine,
  id: string,
  { resources = {}, cgroups }: Pick<ContainerRequest, 'resources' | 'cgroups'>,
): Promise<{ enforced: ResourcesSpec; soft: SoftLimits }> {
  const { splitLimits } = await import('#cgroup/soft-limits.ts')
  const { manager } = cgroups === 'disabled' ? { manager: undefined } : await managerFor(engine, { cgroups })
  return splitLimits(resources, manager?.controllers ?? [], Number.parseInt(id.slice(0, 8), 16))
}

function withResources(spec: RuntimeSpec, resources: ResourcesSpec | undefined): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, resources } }
}

function withoutSoftLimits(request: ContainerRequest, enforced: ResourcesSpec | undefined): ContainerRequest {
  const isEmpty = enforced === undefined || Object.keys(enforced).length === 0
  return { ...request, softLimits: undefined, resources: isEmpty ? undefined : enforced }
}

function withProcessLimit(spec: RuntimeSpec, { processes }: SoftLimits): RuntimeSpec {
  if (processes === undefined || spec.process === undefined) return spec
  const others = (spec.process.rlimits ?? []).filter(({ type }) => type !== 'RLIMIT_NPROC')
  const rlimits = [...others, { type: 'RLIMIT_NPROC', soft: processes, hard: processes }]
  return { ...spec, process: { ...spec.process, rlimits } }
}

/**
 * The group that a container is to start in, and its spec with the limits that hold; no group where nobody makes one here.
 * `staysHere`: its monitor is a restart by the one before, or is known to a service manager, and stays where it is started.
 */
export async function placeInCgroup(
  engine: Engine,
  record: Pick<ContainerRecord, 'id' | 'name' | 'request' | 'stopSignal' | 'stopTimeoutSeconds' | 'pod'>,
  spec: RuntimeSpec,
  staysHere: boolean,
): Promise<PlacedContainer> {
  const { id, name, request, stopSignal, stopTimeoutSeconds } = record
  const isSoft = request.softLimits === true && request.resources !== undefined
  const { enforced, soft } = isSoft ? await partLimits(engine, id, request) : { enforced: undefined, soft: undefined }
  if (soft !== undefined) {
    const softened = withProcessLimit(withResources(spec, enforced), soft)
    const placed = await placeInCgroup(
      engine,
      { ...record, request: withoutSoftLimits(request, enforced) },
      softened,
      staysHere,
    )
    return { ...placed, softLimits: soft }
  }
  if (request.cgroups === 'disabled') return { spec, cgroup: undefined }
  if (request.resources !== undefined) await checkLimits(engine, request)
  const { manager } = await managerFor(engine, request)
  if (manager === undefined) return { spec, cgroup: undefined }
  await endLeftGroup(containerDir(engine.graphRoot, id))
  const resources = withDefaultLimits(engine, manager, spec.linux?.resources)
  const { planSettings } = await import('#cgroup/settings.ts')
  const ofPod =
    record.pod?.hasLimits === true
      ? await (await import('#engine/pod/cgroup.ts')).openPodGroup(engine, record)
      : undefined
  const cgroup = manager.open({
    id,
    name,
    settings: planSettings(resources),
    isSplit: request.cgroups === 'split',
    stop: { signal: stopSignal, timeoutSeconds: stopTimeoutSeconds },
    outlivedBy: [keeperUnit((await engine.namespace()).keeper.pid)],
    separateMonitor: request.cgroups !== 'no-conmon' && !staysHere,
    ...(request.cgroupParent !== undefined && { parent: request.cgroupParent }),
    ...ofPod,
  })
  return { spec: { ...spec, linux: { ...spec.linux, resources } }, cgroup }
}

/**
 * Kills what is left in the group of a container that does not run: its monitor was killed before it could, and it had no pid
 * namespace of its own.
 */
export async function endLeftGroup(folder: string): Promise<void> {
  const group = readState(folder)?.cgroupFolder
  if (group === undefined) return
  const { killCgroup, removeCgroup } = await import('#cgroup/files.ts')
  killCgroup(group)
  if (!group.endsWith('.scope')) await removeCgroup(group)
}

/** The configuration's limit of processes, where that can be had (containers.conf(5), pids_limit). */
function withDefaultLimits(
  { config }: Engine,
  { controllers }: CgroupManager,
  resources: ResourcesSpec = {},
): ResourcesSpec {
  const { pidsLimit } = config.containers
  if (resources.pids !== undefined || pidsLimit === 0 || !controllers.includes('pids')) return resources
  return { ...resources, pids: { limit: pidsLimit } }
}

/** What puts a process of the caller's into the group that the container's process 1 is in; `undefined` where it has none. */
export async function cgroupEntry(
  engine: Engine,
  { cgroupFolder, pid, softLimits }: Pick<ContainerState, 'cgroupFolder' | 'pid' | 'softLimits'>,
): Promise<((pid: number) => void) | undefined> {
  if (softLimits !== undefined) {
    const { applySoftLimits } = await import('#cgroup/soft-limits.ts')
    const enter = await cgroupEntry(engine, { cgroupFolder, pid })
    return joining => {
      applySoftLimits(joining, softLimits)
      enter?.(joining)
    }
  }
  if (cgroupFolder === undefined) return undefined
  const [{ manager, reason }, { groupOf }] = await Promise.all([engine.cgroups(), import('#cgroup/files.ts')])
  if (manager === undefined)
    throw new TspodError(
      'UNSUPPORTED',
      `entering the control group "${cgroupFolder}": nobody can do that now: ${reason}`,
    )
  const folder = groupOf(pid, cgroupFolder)
  return joining => manager.join(folder, joining)
}
