// Where files come from that COPY, ADD and mounts name: the context, or layers of a stage or an image.
import type { ChainId } from '#oci/digest.ts'

export type StageFiles =
  | { kind: 'folder'; folder: string; ignore: string[] }
  | { kind: 'layers'; name: string; chain: ChainId[] }
