// Where unpacked layers lie in the store. Pure.
import { join } from 'node:path'
import type { ChainId } from '#oci/digest.ts'
import { hexOf } from '#oci/digest.ts'

/**
 * Which owners the files of layers have: as the images say, or one alone where the user's namespace maps one id; or copies of the
 * former for containers with other ids (root-ids.ts, mappedLayers).
 */
export type LayerMode = 'full' | 'single' | `mapped/${string}`

/** The folder of all layers of a mode. */
export function layersFolder(graphRoot: string, mode: LayerMode): string {
  return join(graphRoot, mode === 'full' ? 'layers' : `layers-${mode}`)
}

/** The folder of one layer: `diff/`, `layer.json`. */
export function layerFolder(graphRoot: string, mode: LayerMode, chainId: ChainId): string {
  return join(layersFolder(graphRoot, mode), hexOf(chainId))
}

/** The files of one layer. */
export function diffFolder(graphRoot: string, mode: LayerMode, chainId: ChainId): string {
  return join(layerFolder(graphRoot, mode, chainId), 'diff')
}

/** The folder of short links, from which overlay is mounted. */
export function linkFolder(graphRoot: string, mode: LayerMode): string {
  return join(layersFolder(graphRoot, mode), 'l')
}

/** 80 bits of the chain id: 21 bytes a layer in overlay's options, of which a page holds 4,096. */
const LINK_DIGITS = 20

/** A layer's short name. */
export function linkName(chainId: ChainId): string {
  return hexOf(chainId).slice(0, LINK_DIGITS)
}
