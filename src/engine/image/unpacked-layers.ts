// Unpacked layers of an image, looked up without opening the namespace that says under which mapping they were unpacked.
import { existsSync } from 'node:fs'
import type { ChainId } from '#oci/digest.ts'
import { diffFolder, layerFolder } from '#storage/layer-paths.ts'
import { readLayerRecord } from '#storage/layer-record.ts'

/** The folders with the layers' files, uppermost first, whether they are there or not. */
export function unpackedFolders(graphRoot: string, chain: readonly ChainId[]): string[] {
  const top = chain.at(-1)
  const mode = top !== undefined && existsSync(diffFolder(graphRoot, 'single', top)) ? 'single' : 'full'
  return chain.toReversed().map(chainId => diffFolder(graphRoot, mode, chainId))
}

/** How many bytes a layer's files hold, as its record says; `undefined` where it is not unpacked. */
export function unpackedBytes(graphRoot: string, chainId: ChainId): number | undefined {
  const record =
    readLayerRecord(layerFolder(graphRoot, 'full', chainId)) ??
    readLayerRecord(layerFolder(graphRoot, 'single', chainId))
  return record?.sizeBytes
}
