// The control group of a pod that has limits: its containers' groups lie in it, their monitors beside it.
import { requireControllers } from '#cgroup/pick.ts'
import { planSettings } from '#cgroup/settings.ts'
import { type PodRecord, readPodRecord } from '#container/pod/record.ts'
import type { ContainerRecord } from '#container/record.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { ResourcesSpec } from '#oci/runtime-spec.ts'

/** Throws UNSUPPORTED, with the reason, for limits that cannot be enforced on a pod here. */
export async function checkPodLimits(engine: Engine, resources: ResourcesSpec): Promise<void> {
  const picked = await engine.cgroups()
  requireControllers(picked, planSettings(resources), 'the pod')
  if (picked.manager === undefined || picked.manager.parents !== undefined) return
  throw new TspodError('UNSUPPORTED', `limiting the pod: the ${picked.manager.name} manager has no groups for pods`, {
    hint: 'systemd has: log in where a user manager runs; containers take limits of their own',
  })
}

/** Made, or with its limits in force again, before one of its containers starts: where that goes, and where its monitor. */
export async function openPodGroup(
  engine: Engine,
  { name: container, pod }: Pick<ContainerRecord, 'name' | 'pod'>,
): Promise<{ parent: string; monitorParent?: string }> {
  const record = pod === undefined ? undefined : readPodRecord(engine.graphRoot, pod.id)
  const { manager } = await engine.cgroups()
  if (record === undefined || manager?.parents === undefined)
    throw new TspodError(
      'NOT_FOUND',
      `starting container "${container}": its pod ${pod?.name} is gone, and with it its limits`,
    )
  const { id, name, request } = record
  const above = request.cgroupParent
  const parent = manager.parents.open({
    id,
    name,
    ...(above !== undefined && { parent: above }),
    settings: planSettings(request.resources ?? {}),
  })
  return { parent, monitorParent: above ?? 'user.slice' }
}

/** Nothing is in it any more. */
export async function closePodGroup(engine: Engine, { id, request }: PodRecord): Promise<void> {
  const { manager } = await engine.cgroups()
  manager?.parents?.close({ id, ...(request.cgroupParent !== undefined && { parent: request.cgroupParent }) })
}
