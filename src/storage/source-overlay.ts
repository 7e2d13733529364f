// A folder of the user's with a writable layer of its own over it (`-v source:destination:O`): what is written never reaches the folder.
// Host namespaces; Linux' overlay or fuse-overlayfs mounts it inside.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DriverPlace } from './driver.ts'
import { escapeOption } from './overlay-options.ts'
import { removeTree } from './remove-tree.ts'
import { giveUpper } from './root-folders.ts'

export interface SourceOverlay {
  /** The folder below, absolute. */
  source: string
  /** A folder of its own in the store, absolute; `merged` lies in it, and what is written unless `upper` says otherwise. */
  folder: string
  /** Folders of the user's, which keep what is written. */
  kept?: { upper: string; work: string }
}

/** Makes its folders; what an earlier start has written is gone, but for `kept`. */
export async function prepareSourceOverlay(
  place: Pick<DriverPlace, 'openNamespace'>,
  { source, folder, kept }: SourceOverlay,
): Promise<void> {
  mkdirSync(join(folder, 'merged'), { recursive: true, mode: 0o700 })
  if (kept !== undefined) return
  for (const name of ['upper', 'work']) {
    await removeTree(join(folder, name), place.openNamespace)
    mkdirSync(join(folder, name), { mode: 0o700 })
  }
  await giveUpper(place, join(folder, 'upper'), statSync(source))
}

/** Options for overlay and fuse-overlayfs, to be mounted from within the source. Pure. */
export function sourceOverlayOptions({ folder, kept }: SourceOverlay): string {
  const { upper, work } = kept ?? { upper: join(folder, 'upper'), work: join(folder, 'work') }
  return `lowerdir=.,upperdir=${escapeOption(upper)},workdir=${escapeOption(work)}`
}
