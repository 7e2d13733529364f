// Root file systems by the kernel's overlay, mounted inside the user's namespace (`userxattr`, Linux 5.11).
//
// mount(2) takes one page of options. So layers go by short links in one folder, overlay is mounted from there with relative names,
// and a chain of 127 layers fits with room to spare.
import { join, relative } from 'node:path'
import { TspodError } from '#errors.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import type { DriverPlace, RootRequest, StorageDriver } from './driver.ts'
import { linkFolder, linkName } from './layer-paths.ts'
import { emptyLayers, makeRootFolders } from './root-folders.ts'
import { mappedLayers } from './root-ids.ts'

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
      const options = `${overlayOptions(request, links)},userxattr,index=off,metacopy=off`
      checkLength(options, request)
      const calls: Call[] = [
        call('chdir', links),
        call('mount', 'overlay', root, 'overlay', 0, options),
        call('chdir', '/'),
      ]
      return { calls, root }
    },
  }
}

/** Overlay cannot change owners: for other ones it takes copies of the layers. */
function placeFor(place: DriverPlace, { ids }: RootRequest): DriverPlace {
  return ids === undefined ? place : { ...place, mode: mappedLayers(ids) }
}

/** `lowerdir=…` with the uppermost first, `upperdir=…`, `workdir=…`: names relative to the folder of links. Pure. */
export function overlayOptions({ chain, containerFolder, readOnly }: RootRequest, links: string): string {
  const layers = chain.map(linkName).toReversed()
  const fewest = readOnly ? 2 : 1 // overlay wants two folders, upper or lower
  layers.push(...emptyLayers.slice(0, Math.max(0, fewest - layers.length)))
  const lower = `lowerdir=${layers.join(':')}`
  if (readOnly) return lower
  const folder = escapeOption(relative(links, containerFolder))
  return `${lower},upperdir=${folder}/upper,workdir=${folder}/work`
}

/** overlay takes commas and colons in names behind a backslash. */
function escapeOption(path: string): string {
  return path.replace(/[\\,:]/g, '\\$&')
}

function checkLength(options: string, { chain }: RootRequest): void {
  const bytes = Buffer.byteLength(options)
  if (bytes <= MOST_OPTION_BYTES) return
  const most = chain.length - Math.ceil((bytes - MOST_OPTION_BYTES) / 21)
  throw new TspodError('INVALID', `the image has ${chain.length} layers, overlay can be mounted with ${most}`, {
    hint: 'build the image with fewer layers, or squash it',
  })
}
