// The lock of one pod, `pods/<id>/lock`: held while members are added and while all of it is removed, never while something is waited for.
import { errnoOf, TspodError } from '#errors.ts'
import { tryLock, withFileLock } from '#sys/lock.ts'
import { type PodId, podLock } from './record.ts'

/** Of a new pod, whose folder exists: nobody else has it. */
export function holdNewPod(graphRoot: string, id: PodId): Disposable {
  const lock = tryLock(podLock(graphRoot, id))
  if (lock !== undefined) return lock
  throw new TspodError('INTERNAL', `somebody else holds the lock of the new pod ${id}`)
}

/** Runs `body` while no other command adds members or removes the pod. Throws NOT_FOUND where it has been removed. */
export async function withPodLock<T>(graphRoot: string, id: PodId, body: () => T | Promise<T>): Promise<T> {
  try {
    return await withFileLock(podLock(graphRoot, id), body)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    throw new TspodError('NOT_FOUND', `no pod with ID ${id} found: no such pod`, { cause: error })
  }
}
