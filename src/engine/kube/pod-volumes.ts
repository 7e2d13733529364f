// Volumes that go with a pod: its empty folders, and files of ConfigMaps and Secrets. They are anonymous volumes with names of their own,
// which are removed with the last container that mounts them.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkName } from '#container/name.ts'
import type { Engine } from '#engine/open.ts'
import { volumePlace } from '#engine/volume/place.ts'
import { removeVolume } from '#engine/volume/remove.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import type { PodVolume } from '#kube/inputs.ts'
import { createVolume, lockVolumes, readVolume, volumeData } from '#storage/volumes.ts'

/** Which pod a volume is of. */
const podLabel = 'io.tspod.kube.pod'

/** Makes one; `undo` gets its removal. Throws CONFLICT where a volume of this name is somebody else's. */
export async function makePodVolume(
  engine: Engine,
  pod: string,
  volume: PodVolume,
  undo: AsyncDisposableStack,
): Promise<void> {
  const { name, place, files } = volume
  checkName('volume', name)
  const store = volumePlace(engine)
  const before = readVolume(store, name)
  if (before !== undefined) await removeLeftover(engine, pod, volume, before.anonymous ? before.labels : {})
  try {
    using _lock = await lockVolumes(store, true)
    await createVolume(store, { name, labels: { [podLabel]: pod }, options: {}, anonymous: true })
    undo.defer(async () => await removeIfUnused(engine, name))
    const folder = volumeData(store, name)
    if (files === undefined) chmodSync(folder, 0o1777) // Kubernetes lets every user write
    for (const { path, bytes, mode } of files ?? []) writePrivate(join(folder, path), bytes, mode)
  } catch (error) {
    throw during(`making the volume of ${place}`, error)
  }
  engine.journal({ type: 'volume', status: 'create', id: name, name, attributes: {} })
}

/** Secrets are never to be seen with wider permissions, not even for a moment. */
function writePrivate(path: string, bytes: Uint8Array, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' })
  chmodSync(path, mode)
}

/** What an earlier play of the same pod left. */
async function removeLeftover(
  engine: Engine,
  pod: string,
  { name, place }: PodVolume,
  labels: Record<string, string>,
): Promise<void> {
  if (labels[podLabel] !== pod)
    throw new TspodError('CONFLICT', `reading ${place}: there is a volume "${name}" already, which is not this pod's`, {
      hint: `rename the volume in the file, or remove the other one: tspod volume rm ${name}`,
    })
  await removeVolume(engine, name)
}

async function removeIfUnused(engine: Engine, name: string): Promise<void> {
  try {
    await removeVolume(engine, name)
  } catch (error) {
    // with the containers that mounted it, or not yet: they are of somebody else
    if (!hasCode(error, 'NOT_FOUND', 'IN_USE')) throw error
  }
}
