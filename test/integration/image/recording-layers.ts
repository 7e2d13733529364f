// A store of layers that unpacks nothing: it keeps the bytes, and computes diff ids as a real one does.
import { createHash } from 'node:crypto'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { TspodError } from '#errors.ts'
import { type ChainId, digestOf } from '#oci/digest.ts'
import type { LayerRequest, LayerStore } from '#storage/layers.ts'

export class RecordingLayers implements LayerStore {
  /** Visible layers, in the order in which they became so. */
  readonly committed = new Map<ChainId, { bytes: Buffer; request: LayerRequest }>()
  /** Layers begun and neither committed nor disposed. */
  open = 0

  has(chainId: ChainId): boolean {
    return this.committed.has(chainId)
  }

  sizeOf(chainId: ChainId): number | undefined {
    return this.committed.get(chainId)?.bytes.byteLength
  }

  async unpack(request: LayerRequest) {
    const parts: Uint8Array[] = []
    let tar: Buffer | undefined
    this.open++
    let isOpen = true
    return {
      async write(chunk: Uint8Array) {
        parts.push(chunk.slice())
        await Promise.resolve()
      },
      async finish() {
        const packed = Buffer.concat(parts)
        const unpack = { gzip: gunzipSync, zstd: zstdDecompressSync, none: (bytes: Buffer) => bytes }[
          request.compression
        ]
        tar = unpack(packed)
        const diffId = digestOf(createHash('sha256').update(tar).digest('hex'))
        if (diffId !== request.diffId)
          throw new TspodError('INVALID', `diff id is ${diffId}, must be ${request.diffId}`)
        return { diffId, sizeBytes: tar.byteLength, skippedDevices: 0 }
      },
      commit: async () => {
        if (tar === undefined) throw new Error('commit before finish')
        if (request.parent !== undefined && !this.has(request.parent)) throw new Error('committed before its parent')
        if (!this.has(request.chainId)) this.committed.set(request.chainId, { bytes: tar, request })
      },
      [Symbol.asyncDispose]: async () => {
        if (isOpen) this.open--
        isOpen = false
      },
    }
  }
}
