// The control group of a container: decided from its limits, before it starts, and found again while it runs.
import type { CgroupManager, PendingCgroup } from '#cgroup/manager.ts'
import { type ContainerRecord, containerDir } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { type ContainerState, readState } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { ResourcesSpec, RuntimeSpec } from '#oci/runtime-spec.ts'

/** Throws, with the reason, for limits that cannot be enforced on this machine. */
export async function checkLimits(engine: Engine, { resources, cgroups }: ContainerRequest): Promise<void> {
  if (resources === undefined) return
  if (cgroups === 'disabled')
    throw new TspodError('INVALID', '--cgroups=disabled: without a control group there is nothing to limit it in')
  const { planSettings } = await import('#cgroup/settings.ts')
  const { requireControllers } = await import('#cgroup/pick.ts')
  requireControllers(await engine.cgroups(), planSettings(resources))
}

/**
 * The group that a container is to start in, and its spec with the limits that hold; no group where nobody makes one here.
 * `staysHere`: its monitor is a restart by the one before, or is known to a service manager, and stays where it is started.
 */
export async function placeInCgroup(
  engine: Engine,
  { id, name, request }: ContainerRecord,
  spec: RuntimeSpec,
  staysHere: boolean,
): Promise<{ spec: RuntimeSpec; cgroup: PendingCgroup | undefined }> {
  if (request.cgroups === 'disabled') return { spec, cgroup: undefined }
  const { manager } = await engine.cgroups()
  if (request.resources !== undefined) await checkLimits(engine, request)
  if (manager === undefined) return { spec, cgroup: undefined }
  await endLeftGroup(containerDir(engine.graphRoot, id))
  const resources = withDefaultLimits(engine, manager, spec.linux?.resources)
  const { planSettings } = await import('#cgroup/settings.ts')
  const cgroup = manager.open({
    id,
    name,
    settings: planSettings(resources),
    separateMonitor: request.cgroups !== 'no-conmon' && !staysHere,
    ...(request.cgroupParent !== undefined && { parent: request.cgroupParent }),
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
  { cgroupFolder, pid }: ContainerState,
): Promise<((pid: number) => void) | undefined> {
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
