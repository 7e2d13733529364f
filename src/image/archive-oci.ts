// Images of an OCI image layout, in a folder or an archive (image-spec image-layout.md). Host namespaces.

import { TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { hexOf } from '#oci/digest.ts'
import { parseManifest } from '#oci/manifest.ts'
import { ociIndex } from '#oci/media-types.ts'
import { type ArchiveFiles, readSmallBytes, readSmallFile } from './archive-files.ts'
import type { ArchivedImage } from './archive-image.ts'
import { fullArchivedName } from './archive-names.ts'
import type { ImageSource } from './source.ts'

const nameAnnotations = ['io.containerd.image.name', 'org.opencontainers.image.ref.name']

/** The images that index.json names; one that stands there under several names comes once. Throws INVALID. */
export async function readOciLayout(files: ArchiveFiles): Promise<ArchivedImage[]> {
  const what = `${files.description}: index.json`
  const index = parseManifest(await readSmallFile(files, 'index.json'), ociIndex, what)
  if (index.kind !== 'index') throw new TspodError('INVALID', `${what} is no index`)
  const images = new Map<string, ArchivedImage & { tags: string[] }>()
  for (const descriptor of index.manifests) {
    const { digest, annotations } = descriptor
    const image = images.get(digest) ?? { names: [], tags: [], digest, source: layoutSource(files, descriptor) }
    images.set(digest, image)
    const given = nameAnnotations.flatMap(key => annotations?.[key] || [])
    image.tags.push(...given)
    const [name] = given
    if (name !== undefined) image.names.push(fullArchivedName(name, 'oci'))
  }
  return [...images.values()]
}

function layoutSource(files: ArchiveFiles, top: Descriptor): ImageSource {
  const blobName = ({ digest }: Descriptor): string => `blobs/sha256/${hexOf(digest)}`
  return {
    description: files.description,
    async openManifest(descriptor = top) {
      const { mediaType, digest } = descriptor
      return { bytes: await readSmallBytes(files, blobName(descriptor)), mediaType, digest }
    },
    openBlob: async (descriptor, offset) => files.open(blobName(descriptor), offset),
    async [Symbol.asyncDispose]() {},
  }
}
