// The seam between the media images lie on: a registry, an archive, a layout. Host namespaces.
import { TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'

/** A manifest or index, byte for byte: its digest covers exactly these bytes. */
export interface ManifestBytes {
  bytes: Uint8Array
  mediaType: string
  digest: Digest
}

/** One image (or an index of images) to be read. Disposing it closes files and connections. */
export interface ImageSource extends AsyncDisposable {
  /** What to call it in errors: `registry "quay.io"`, `archive "x.tar"`. */
  readonly description: string
  /** The image's own manifest or index, or one that the index names. Throws NOT_FOUND. */
  openManifest(descriptor?: Descriptor): Promise<ManifestBytes>
  /** A configuration or layer from byte `offset` on. Whoever reads it verifies size and digest. Throws NOT_FOUND. */
  openBlob(descriptor: Descriptor, offset: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

/** A blob's bytes from an offset on. */
export type OpenBlob = (offset?: number) => AsyncIterable<Uint8Array>

/** A place to write images to. Blobs come before the manifest that names them. */
export interface ImageSink extends AsyncDisposable {
  readonly description: string
  /** True where the blob is there already and need not be sent. */
  hasBlob(descriptor: Descriptor): Promise<boolean>
  /** `open` gives the blob's bytes from an offset on, as often as a broken connection makes it necessary. */
  putBlob(descriptor: Descriptor, open: OpenBlob): Promise<void>
  /** Makes the image visible under these full names; none for a nameless one. */
  putManifest(manifest: ManifestBytes, names: readonly string[]): Promise<void>
  /** Everything is written: sync, write tables of contents. Without it, disposing takes back what was put. */
  finish(): Promise<void>
}

/** The medium's fault: what it sent, refused or failed to send. Another mirror may do better; a full disk here would not. */
export class SourceError extends TspodError {
  override readonly name = 'SourceError'
}

/** True where the medium, and not this machine, is to blame. */
export function isSourceFault(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) if (each instanceof SourceError) return true
  return false
}
