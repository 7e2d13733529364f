// kube down: takes away what a play of the same files made.
import type { PodRecord } from '#container/pod/record.ts'
import type { PlayedDown } from '#engine/contracts/kube.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { findPod } from '#engine/pod/find.ts'
import { removePod } from '#engine/pod/remove.ts'
import { stopPod } from '#engine/pod/stop.ts'
import { removeVolume } from '#engine/volume/remove.ts'
import { hasCode } from '#errors.ts'
import { playedNames } from '#kube/play.ts'
import { readKubeFiles } from './read.ts'

/** The verb. What is not there any more is no error. With `force`, volumes of claims go too, and their files with them. */
export async function kubeDown(files: readonly string[], { force }: { force: boolean }): Promise<PlayedDown> {
  const { pods, claims } = playedNames(await readKubeFiles(files))
  const engine = await openEngine()
  const down = await removePlayedPods(engine, pods)
  const volumes: string[] = []
  for (const claim of force ? claims : []) if (await removeClaim(engine, claim)) volumes.push(claim)
  return { ...down, volumes }
}

/** Stops and removes those that are there. */
export async function removePlayedPods(
  engine: Engine,
  names: readonly string[],
): Promise<Pick<PlayedDown, 'stopped' | 'removed'>> {
  const stopped: string[] = []
  const removed: string[] = []
  for (const name of names) {
    const pod = podNamed(engine, name)
    if (pod === undefined) continue
    const [failure] = await stopPod(engine, pod, {})
    if (failure !== undefined) throw failure
    stopped.push(pod.id)
    await removePod(engine, pod, { force: true })
    removed.push(pod.id)
  }
  return { stopped, removed }
}

/** By its whole name: what another name or an id begins with is somebody else. */
export function podNamed(engine: Engine, name: string): PodRecord | undefined {
  try {
    const pod = findPod(engine, name)
    return pod.name === name ? pod : undefined
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND', 'CONFLICT')) return undefined
    throw error
  }
}

async function removeClaim(engine: Engine, name: string): Promise<boolean> {
  try {
    await removeVolume(engine, name)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}
