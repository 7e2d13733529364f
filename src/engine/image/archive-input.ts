// Where load and import read from.
import { createReadStream } from 'node:fs'
import { isatty } from 'node:tty'
import type { ArchiveInput } from '#engine/contracts/image.ts'
import { TspodError } from '#errors.ts'
import { type ImageArchive, openImageArchive, openImageStream } from '#image/archive-open.ts'

/** The archive of images at a path or on standard input; `scratch` is an empty folder. */
export async function openInput(input: Exclude<ArchiveInput, { kind: 'url' }>, scratch: string): Promise<ImageArchive> {
  if (input.kind === 'stream') return await openImageStream(standardInput(), scratch)
  return await openImageArchive(input.path, scratch)
}

/** Standard input as it comes. Throws INVALID for a terminal: nobody types an archive. */
export function standardInput(): AsyncIterable<Uint8Array> {
  if (isatty(0))
    throw new TspodError('INVALID', 'reading an archive from standard input: it is a terminal', {
      hint: 'name a file with -i, or send one with < or |',
    })
  return createReadStream('', { fd: 0, autoClose: false, highWaterMark: 1 << 20 })
}
