// Which containers use which images. Takes no lock.

import { newestFirst } from '#engine/container/select.ts'
import { type SeenContainer, surveyContainers } from '#engine/container/survey.ts'
import type { Engine } from '#engine/open.ts'

/** Containers by the id of their image, newest first. */
export function containersByImage(engine: Engine): Map<string, SeenContainer[]> {
  const users = new Map<string, SeenContainer[]>()
  for (const container of newestFirst(surveyContainers(engine))) {
    const id = container.record?.image?.id
    if (id === undefined) continue
    users.set(id, [...(users.get(id) ?? []), container])
  }
  return users
}
