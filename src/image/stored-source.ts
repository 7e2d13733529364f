// An image of the store as a medium: to unpack its layers again (they were removed, or unpacked for other subordinate ids). Host namespaces.
import { createReadStream } from 'node:fs'
import { during, hasCode } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { blobPath, blobSize, digestOfBytes, readBlob } from './blobs.ts'
import { type ReceiveOptions, receiveImage } from './receive.ts'
import { type ImageSource, SourceError } from './source.ts'
import type { StoredImage } from './stored-image.ts'

/** The store's own blobs of an image. */
export function storedSource(root: string, image: Pick<StoredImage, 'id' | 'digest'>): ImageSource {
  const description = `stored image ${image.id.slice(0, 12)}`
  return {
    description,
    async openManifest(descriptor?: Descriptor) {
      const bytes = readBlob(root, descriptor?.digest ?? image.digest, `manifest of ${description}`)
      return { bytes, digest: digestOfBytes(bytes), mediaType: '' }
    },
    async openBlob({ digest }: Descriptor, offset: number) {
      if (blobSize(root, digest) === undefined)
        throw new SourceError('NOT_FOUND', `${description}: blob ${digest} is missing from the store`)
      return createReadStream(blobPath(root, digest), {
        start: offset,
        highWaterMark: 1 << 20,
      }) as AsyncIterable<Uint8Array>
    },
    async [Symbol.asyncDispose]() {
      // nothing stays open
    },
  }
}

/**
 * Unpacks what the layer store lacks of a stored image, without any network. `undefined` where the blobs are not all there, or
 * damaged: the image must be pulled again.
 */
export async function unpackStoredImage(
  image: StoredImage,
  options: Omit<ReceiveOptions, 'names' | 'platform' | 'isPlatformWanted'>,
): Promise<StoredImage | undefined> {
  try {
    const source = storedSource(options.store.root, image)
    return await receiveImage(source, { ...options, names: [], platform: image, isPlatformWanted: false })
  } catch (error) {
    options.signal.throwIfAborted()
    if (hasCode(error, 'NOT_FOUND', 'INVALID')) {
      options.onProgress({ kind: 'note', text: during('unpacking the stored image again', error).message })
      return undefined
    }
    throw error
  }
}
