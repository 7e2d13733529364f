// Root file systems by fuse-overlayfs, for kernels that forbid overlay in a user namespace: one process of it for each container.
import { realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { call } from '#sys/servant/batch.ts'
import type { DriverPlace, RootRequest, StorageDriver } from './driver.ts'
import { linkFolder } from './layer-paths.ts'
import { overlayOptions } from './overlay-options.ts'
import { makeRootFolders } from './root-folders.ts'
import { idOption } from './root-ids.ts'
import { sourceOverlayOptions } from './source-overlay.ts'

/** The driver for fuse-overlayfs(1) at `program`. */
export function fuseOverlayDriver(place: DriverPlace, program: string): StorageDriver {
  return {
    name: 'fuse-overlayfs',
    prepare: request => makeRootFolders(place, request, request.readOnly ? [] : ['upper', 'work']),
    planRoot(request) {
      const links = linkFolder(place.graphRoot, place.mode)
      const root = join(realFolder(place, request.containerFolder), 'merged')
      return {
        calls: [call('chdir', links)],
        program: {
          path: program,
          argv: ['fuse-overlayfs', '-f', '-o', `${overlayOptions(request, links)}${idOptions(request)}`, root],
          readyWhenMounted: root,
        },
        root,
      }
    },
    planSource(overlay) {
      const root = join(realFolder(place, overlay.folder), 'merged')
      return {
        calls: [call('chdir', overlay.source)],
        program: {
          path: program,
          argv: ['fuse-overlayfs', '-f', '-o', sourceOverlayOptions(overlay), root],
          readyWhenMounted: root,
        },
        root,
      }
    },
  }
}

/** It changes owners on the way, both ways: what is written has the image's ids on the disk. */
function idOptions({ ids }: RootRequest): string {
  return ids === undefined ? '' : `,uidmapping=${idOption(ids.uid)},gidmapping=${idOption(ids.gid)}`
}

/** As /proc/PID/mountinfo will name a folder of the store, which may have yet to be made. */
function realFolder({ graphRoot }: DriverPlace, folder: string): string {
  return join(realpathSync(graphRoot), relative(graphRoot, folder))
}
