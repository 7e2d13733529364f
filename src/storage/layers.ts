// The seam between whoever brings a layer's bytes (pull, load, import) and the store of unpacked layers.
import type { ChainId, Digest } from '#oci/digest.ts'

export interface LayerRequest {
  chainId: ChainId
  /** The layer below, `undefined` for the lowest one. */
  parent: ChainId | undefined
  /** What the configuration says the uncompressed tar hashes to; `finish` refuses another. */
  diffId: Digest
  compression: 'gzip' | 'zstd' | 'none'
}

export interface LayerResult {
  diffId: Digest
  /** Bytes of the files' contents, unpacked. */
  sizeBytes: number
  /** Device nodes the kernel did not let us make (recorded in layer.json). */
  skippedDevices: number
}

/** A layer on its way: invisible until `commit`. Disposing it before removes what was staged. */
export interface LayerUnpack extends AsyncDisposable {
  /** Hands over compressed bytes in order; resolves when more may follow (back-pressure). */
  write(chunk: Uint8Array): Promise<void>
  /** No more bytes. Resolves when all files are on disk. Throws INVALID for a digest mismatch or a hostile archive. */
  finish(): Promise<LayerResult>
  /** One rename: the layer is visible. The one below must be. Does nothing when another process committed the same one first. */
  commit(): Promise<void>
}

export interface LayerStore {
  /** True when this layer is unpacked and visible. Takes no lock. */
  has(chainId: ChainId): boolean
  /** Bytes of a visible layer's files, as its record says; `undefined` where it is not visible. Takes no lock. */
  sizeOf(chainId: ChainId): number | undefined
  unpack(request: LayerRequest): Promise<LayerUnpack>
}
