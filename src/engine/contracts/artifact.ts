// Inputs and outputs of the artifact verbs: data only.
import type { OnProgress, RegistryOptions } from './image.ts'

export interface AddArtifactOptions {
  /** media type of the artifact */
  type?: string
  /** media type of the files */
  fileType?: string
  /** of each file */
  annotations: Record<string, string>
  /** to an artifact that exists */
  append: boolean
  /** instead of one that exists */
  replace: boolean
}

export interface MoveArtifactOptions extends RegistryOptions {
  onProgress?: OnProgress
}

export interface ArtifactSummary {
  /** full name, with tag */
  name: string
  digest: string
  createdMs: number
  sizeBytes: number
}
