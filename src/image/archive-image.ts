// What an archive or folder of images holds.
import type { Digest } from '#oci/digest.ts'
import type { ImageSource } from './source.ts'

export interface ArchivedImage {
  /** full names; none for a nameless image */
  names: string[]
  /** in an OCI layout: what its index calls it, as it stands there, and its digest */
  tags?: string[]
  digest?: Digest
  /** disposing it leaves the archive open */
  source: ImageSource
}
