// Which containers use which volumes. Takes no lock.
import type { ContainerId } from '#container/record.ts'
import { surveyContainers } from '#engine/container/survey.ts'
import type { Engine } from '#engine/open.ts'

/** Containers by the volumes they mount. */
export function containersByVolume(engine: Engine): Map<string, ContainerId[]> {
  const users = new Map<string, ContainerId[]>()
  for (const { id, record } of surveyContainers(engine))
    for (const name of new Set(record?.mounts.flatMap(mount => (mount.type === 'volume' ? (mount.name ?? []) : []))))
      users.set(name, [...(users.get(name) ?? []), id])
  return users
}
