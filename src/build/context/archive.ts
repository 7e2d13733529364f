// A context that comes as an archive, unpacked as this user's own files; a stream that is no archive is a Containerfile. Host namespaces.
import { peek } from '#image/archive-open.ts'
import { decompress } from '#image/decompress.ts'
import { TarReader } from '#image/tar-reader.ts'
import { Unpacker } from '#image/unpack.ts'
import { sniffCompression } from '#oci/media-types.ts'
import { openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_RDONLY } from '#sys/flags.ts'

const MAGIC_OFFSET = 257

/** Unpacks into an empty folder; bytes that are no archive are returned, and nothing is unpacked. */
export async function unpackContext(stream: AsyncIterable<Uint8Array>, folder: string): Promise<Buffer | undefined> {
  const { first, all } = await peek(stream)
  const plain = decompress(all, sniffCompression(first))
  let begin = Buffer.alloc(0)
  const iterator = plain[Symbol.asyncIterator]()
  while (begin.byteLength < MAGIC_OFFSET + 5) {
    const next = await iterator.next()
    if (next.done === true) break
    begin = Buffer.concat([begin, next.value])
  }
  const isArchive = begin.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + 5) === 'ustar'
  if (!isArchive) {
    const rest: Uint8Array[] = [begin]
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) rest.push(next.value)
    return Buffer.concat(rest)
  }
  using root = openFile(folder, O_RDONLY | O_DIRECTORY)
  using unpacker = new Unpacker(root.number, { owners: 'ignore' })
  const reader = new TarReader(unpacker)
  reader.push(begin)
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    reader.push(Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength))
  reader.finish()
  unpacker.finish()
  return undefined
}
