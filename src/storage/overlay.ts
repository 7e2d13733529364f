// Root file systems by the kernel's overlay, mounted inside the user's namespace (`userxattr`, Linux 5.11).
//
// mount(2) takes one page of options. So layers go by short links in one folder, overlay is mounted from there with relative names,
// and a chain of 127 layers fits with room to spare.
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { kernelHas } from '#host/kernel.ts'
import { AT_REMOVEDIR } from '#sys/flags.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import type { DriverPlace, RootRequest, StorageDriver } from './driver.ts'
import { linkFolder } from './layer-paths.ts'
import { overlayOptions } from './overlay-options.ts'
import { makeRootFolders } from './root-folders.ts'
import { mappedLayers } from './root-ids.ts'
import { sourceOverlayOptions } from './source-overlay.ts'

/** mount(2): one page, with the final NUL. */
const MOST_OPTION_BYTES = 4095

/** The driver for the kernel's overlay. */
export function overlayDriver(place: DriverPlace): StorageDriver {
  return {
    name: 'overlay',
    async prepare(request) {
      const mapped = placeFor(place, request)
      if (mapped !== place) await (await import('./mapped-layers.ts')).copyMappedLayers(place, mapped, request)
      await makeRootFolders(mapped, request, request.readOnly ? [] : ['upper', 'work'])
    },
    planRoot(request) {
      const links = linkFolder(place.graphRoot, placeFor(place, request).mode)
      const root = join(request.containerFolder, 'merged')
      const isVolatile = request.isDiscarded === true && kernelHas('overlayVolatile')
      const options = `${overlayOptions(request, links)},userxattr,index=off,metacopy=off${isVolatile ? ',volatile' : ''}`
      checkLength(options, request)
      const calls: Call[] = [
        ...(isVolatile ? forgetVolatile(request) : []),
        call('chdir', links),
        call('mount', 'overlay', root, 'overlay', 0, options),
        call('chdir', '/'),
      ]
      return { calls, root }
    },
    planSource(overlay) {
      const root = join(overlay.folder, 'merged')
      const options = `${sourceOverlayOptions(overlay)},userxattr,index=off,metacopy=off`
      return {
        calls: [
          call('chdir', overlay.source),
          call('mount', 'overlay', root, 'overlay', 0, options),
          call('chdir', '/'),
        ],
        root,
      }
    },
  }
}

/**
 * Without `volatile` the end of every container syncs the whole file system of the store. It leaves a mark that forbids a second mount
 * (Documentation/filesystems/overlayfs.rst), which is taken away.
 */
function forgetVolatile({ containerFolder }: RootRequest): Call[] {
  const mark = join(containerFolder, 'work/work/incompat/volatile')
  return [
    tolerate('ENOENT', call('unlinkat', -100, join(mark, 'dirty'), 0)),
    tolerate('ENOENT', call('unlinkat', -100, mark, AT_REMOVEDIR)),
  ]
}

/** Overlay cannot change owners: for other ones it takes copies of the layers. */
function placeFor(place: DriverPlace, { ids }: RootRequest): DriverPlace {
  return ids === undefined ? place : { ...place, mode: mappedLayers(ids) }
}

function checkLength(options: string, { chain }: RootRequest): void {
  const bytes = Buffer.byteLength(options)
  if (bytes <= MOST_OPTION_BYTES) return
  const most = chain.length - Math.ceil((bytes - MOST_OPTION_BYTES) / 21)
  throw new TspodError('INVALID', `the image has ${chain.length} layers, overlay can be mounted with ${most}`, {
    hint: 'build the image with fewer layers, or squash it',
  })
}
