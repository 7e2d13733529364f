// What is left of a pod whose infra container is gone, or never came to be: its folder and its name.
import { rmSync } from 'node:fs'
import { releaseNameOfGone } from '#container/name-index.ts'
import { isAbandoned, listPodIds, type PodId, podDir, readPodRecord } from '#container/pod/record.ts'
import type { Engine } from '#engine/open.ts'
import { errnoOf, TspodError } from '#errors.ts'
import { moveToTrash } from '#storage/staging.ts'

/** Takes away what is left of a pod, for a caller that holds its lock, or knows that nobody does. */
export function disposePod({ graphRoot }: Engine, id: PodId): void {
  const name = nameOf(graphRoot, id)
  try {
    const trash = moveToTrash(graphRoot, podDir(graphRoot, id))
    if (name !== undefined) releaseNameOfGone(graphRoot, name, id)
    rmSync(trash, { recursive: true, force: true })
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error // somebody else was faster
  }
}

function nameOf(graphRoot: string, id: PodId): string | undefined {
  try {
    return readPodRecord(graphRoot, id)?.name
  } catch (error) {
    if (error instanceof TspodError) return undefined
    throw error
  }
}

/** Of one pod, where its infra container has gone. */
export function disposeAbandonedPod(engine: Engine, id: PodId): void {
  if (isAbandoned(engine.graphRoot, id)) disposePod(engine, id)
}

/** What killed commands left; ids of the pods that were none. */
export function sweepPods(engine: Engine): PodId[] {
  const abandoned = findAbandonedPods(engine)
  for (const id of abandoned) disposeAbandonedPod(engine, id)
  return abandoned
}

export function findAbandonedPods({ graphRoot }: Engine): PodId[] {
  return listPodIds(graphRoot).filter(id => isAbandoned(graphRoot, id))
}
