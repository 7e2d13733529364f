// Volumes for a container that is being made: found by name, or created; what was created goes again if the container fails.
import { TspodError } from '#errors.ts'
import type { Engine } from '#engine/open.ts'
import type { VolumeKeeper } from './resolve-mounts.ts'

/** Volumes of the store. `undo` gets the removal of every volume that is created here. */
export function volumeKeeper(_engine: Engine, _undo: AsyncDisposableStack): VolumeKeeper {
  return {
    async open(name) {
      throw new TspodError('UNSUPPORTED', `volume "${name}": volumes are not implemented yet`)
    },
  }
}
