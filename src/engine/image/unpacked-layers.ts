// Unpacked layers of an image, looked up without opening the namespace that says under which mapping they were unpacked.
import { existsSync } from 'node:fs'
import type { ChainId } from '#oci/digest.ts'
import { diffFolder, layerFolder } from '#storage/layer-paths.ts'
import { type LayerRecord, readLayerRecord } from '#storage/layer-record.ts'

/** The folders with the layers' files, uppermost first, whether they are there or not. */
export function unpackedFolders(graphRoot: string, chain: readonly ChainId[]): string[] {
  const top = chain.at(-1)
  const mode = top !== undefined && existsSync(diffFolder(graphRoot, 'single', top)) ? 'single' : 'full'
  return chain.toReversed().map(chainId => diffFolder(graphRoot, mode, chainId))
}

/** How many bytes a layer's files hold, as its record says; `undefined` where it is not unpacked. */
export function unpackedBytes(graphRoot: string, chainId: ChainId): number | undefined {
  return recordOf(graphRoot, chainId)?.sizeBytes
}

/** Bytes of a layer's uncompressed archive; `undefined` where it is not unpacked. */
export function archiveBytes(graphRoot: string, chainId: ChainId | undefined): number | undefined {
  return chainId === undefined ? undefined : recordOf(graphRoot, chainId)?.archiveBytes
}

function recordOf(graphRoot: string, chainId: ChainId): LayerRecord | undefined {
  return (
    readLayerRecord(layerFolder(graphRoot, 'full', chainId)) ??
    readLayerRecord(layerFolder(graphRoot, 'single', chainId))
  )
}
