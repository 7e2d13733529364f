// `-o type=local`: the files of a stage in a folder of this user's, as the user's own. Host namespaces.

import { openRoot } from '#build/context/root.ts'
import { TarReader } from '#image/tar-reader.ts'
import { Unpacker } from '#image/unpack.ts'

/** Unpacks over what is there; devices cannot be made, and are left out. */
export async function unpackOutput(pieces: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  using root = openRoot(path)
  using unpacker = new Unpacker(root.number, { owners: 'ignore' })
  const reader = new TarReader(unpacker)
  const umask = process.umask(0)
  try {
    for await (const piece of pieces) reader.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
    reader.finish()
    unpacker.finish()
  } finally {
    process.umask(umask)
  }
}
