// An image in a folder as the transport `dir:` has it (containers-transports(5)): manifest.json, and blobs named by their hexadecimal digests. Host namespaces.
import type { Descriptor } from '#oci/descriptor.ts'
import { hexOf } from '#oci/digest.ts'
import { type ArchiveFiles, readSmallBytes } from './archive-files.ts'
import type { ArchivedImage } from './archive-image.ts'
import { digestOfBytes } from './blobs.ts'

/** The image of such a folder; it has no name. */
export function readDirImage(files: ArchiveFiles): ArchivedImage[] {
  const nameOf = ({ digest }: Descriptor): string => hexOf(digest)
  return [
    {
      names: [],
      source: {
        description: files.description,
        async openManifest(descriptor) {
          const name = descriptor === undefined ? 'manifest.json' : `${nameOf(descriptor)}.manifest.json`
          const bytes = await readSmallBytes(files, name)
          return { bytes, mediaType: descriptor?.mediaType ?? '', digest: digestOfBytes(bytes) }
        },
        openBlob: async (descriptor, offset) => files.open(nameOf(descriptor), offset),
        async [Symbol.asyncDispose]() {},
      },
    },
  ]
}
