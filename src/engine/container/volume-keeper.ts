// Volumes for a container that is being made: found by name, or created; what was created goes again if the container fails.

import type { Engine } from '#engine/open.ts'
import type { VolumeMount } from '#storage/volume-options.ts'
import type { VolumeRecord } from '#storage/volumes.ts'
import type { ContainerRoot } from './root.ts'

/** A volume as a container is going to mount it. */
export interface OpenedVolume {
  name: string
  anonymous: boolean
  /** its folder, for `mount.kind` folder */
  folder: string
  mount: VolumeMount
}

/** Volumes by name; creates what is missing. Until it is disposed no volume can be removed. */
export interface VolumeKeeper extends Disposable {
  /** An empty name makes an anonymous one. With `copyUp` a new one is filled with what the image has at `destination`. */
  open(name: string, destination: string, copyUp: boolean): Promise<OpenedVolume>
  /** New volumes for which the image has nothing become this user's, of the user's namespace (podman-run(1), --volume). */
  giveNew(owner: { uid: number; gid: number }): Promise<void>
}

/** Volumes of the store for a container with this root. `undo` gets the removal of every volume that is created here. */
export function volumeKeeper(engine: Engine, root: ContainerRoot, undo: AsyncDisposableStack): VolumeKeeper {
  let lock: Disposable | undefined
  const unfilled: VolumeRecord[] = []
  return {
    async open(wanted, destination, copyUp) {
      const volumes = await import('#storage/volumes.ts')
      const { volumePlace } = await import('#engine/volume/place.ts')
      const { checkName } = await import('#container/name.ts')
      const place = volumePlace(engine)
      lock ??= await volumes.lockVolumes(place, true)
      const anonymous = wanted === ''
      const name = anonymous ? volumes.randomVolumeName() : wanted
      checkName('volume', name)
      let record = volumes.readVolume(place, name)
      if (record === undefined) {
        record = await volumes.createVolume(place, { name, labels: {}, options: {}, anonymous })
        undo.defer(async () => {
          const { removeTree } = await import('#storage/remove-tree.ts')
          const trash = volumes.hideVolume(place, name)
          if (trash !== undefined) await removeTree(trash, place.openNamespace)
        })
        engine.journal({ type: 'volume', status: 'create', id: name, name, attributes: {} })
      }
      const folder = volumes.volumeData(place, name)
      if (record.needsCopyUp && copyUp) {
        const isFilled = await fill(engine, root, destination, folder)
        if (!isFilled && record.uid === 0 && record.gid === 0) unfilled.push(record)
        volumes.endCopyUp(place, record)
      }
      return { name, anonymous: record.anonymous, folder, mount: volumes.volumeMount(record) }
    },
    async giveNew({ uid, gid }) {
      if (unfilled.length === 0 || (uid === 0 && gid === 0)) return
      const volumes = await import('#storage/volumes.ts')
      const { giveInside } = await import('#storage/inside-owner.ts')
      const { volumePlace } = await import('#engine/volume/place.ts')
      const place = volumePlace(engine)
      for (const record of unfilled) {
        await giveInside(place.openNamespace, volumes.volumeData(place, record.name), uid, gid)
        volumes.endCopyUp(place, { ...record, uid, gid })
      }
    },
    [Symbol.dispose]() {
      lock?.[Symbol.dispose]()
    },
  }
}

/** False where the image has nothing at the place. */
async function fill(engine: Engine, root: ContainerRoot, destination: string, folder: string): Promise<boolean> {
  const { copyUp, planCopyUp } = await import('#storage/copy-up.ts')
  if (!planCopyUp(root.folders, destination)) return false
  await copyUp(await engine.namespace(), root.plan, destination, folder)
  return true
}
