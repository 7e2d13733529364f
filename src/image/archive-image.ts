// What an archive or folder of images holds.
import type { ImageSource } from './source.ts'

export interface ArchivedImage {
  /** full names; none for a nameless image */
  names: string[]
  /** disposing it leaves the archive open */
  source: ImageSource
}
