// Mount options that overlay and fuse-overlayfs share. Pure.
import { relative } from 'node:path'
import type { RootRequest } from './driver.ts'
import { linkName } from './layer-paths.ts'
import { emptyLayers } from './root-folders.ts'

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
export function escapeOption(path: string): string {
  return path.replace(/[\\,:]/g, '\\$&')
}
