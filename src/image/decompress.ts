// Compressed bytes to plain ones, on another thread: zlib's own, which inflates the next chunk while this thread uses the last.
import { during, TspodError } from '#errors.ts'
import type { Compression } from '#oci/media-types.ts'

const CHUNK_BYTES = 128 << 10

/** The plain bytes of `source` (gzip: all its members, RFC 1952; zstd: all its frames). Throws INVALID for damaged ones. */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === 'none') return yield* source
  const { pipeline, Readable } = await import('node:stream')
  const { createGunzip, createZstdDecompress } = await import('node:zlib')
  const options = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 4 * CHUNK_BYTES }
  const stream = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  let failure: unknown
  pipeline(Readable.from(source, { objectMode: true, highWaterMark: 2 }), stream, error => {
    failure = error
  })
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk
  } catch (error) {
    throw refused(failure ?? error, compression)
  }
}

function refused(error: unknown, compression: Compression): TspodError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!/^(Z_|ZSTD_|ERR_)/.test(code)) return during(`reading ${compression} data`, error)
  const found = error instanceof Error ? error.message : code
  return new TspodError('INVALID', `decompressing ${compression} data: ${found}`, {
    cause: error,
    hint: 'the data is incomplete, damaged, or compressed in another way',
  })
}
