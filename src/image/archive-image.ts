// What an archive or folder of images holds.
import type { ImageSource } from './source.ts'

export interface ArchivedImage {
  /** names as they stand there: full ones, docker's short ones, or a tag alone */
  names: string[]
  /** disposing it leaves the archive open */
  source: ImageSource
}
