// What a build asks of its worker inside the user's namespace, one JSON line each way. Pure data.
import type { CopySource } from '#build/plan/step.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import type { RootPlan, StorageDriver } from '#storage/driver.ts'

/** How times in a new layer are changed: all to one, or those after it. Seconds since 1970. */
export interface TimeRule {
  kind: 'set' | 'clamp'
  seconds: number
}

interface LayerRequest {
  /** a folder with `upper`, in which `layer` and `layer.tar` will be */
  folder: string
  parent?: ChainId
  times?: TimeRule
}

/** What was written over layers becomes a layer. */
export interface WrittenRequest extends LayerRequest {
  /** who kept it: `copy` in `merged`, fuse-overlayfs(1) with marks of its own in `upper`, overlay in `upper` */
  driver: StorageDriver['name']
  /** folders of the layers below, uppermost first */
  lower: readonly string[]
}

/** Files come from here. `roots` are mounted first where they are made of layers. */
export interface CopyRequest extends WrittenRequest {
  do: 'copy'
  /** where the files go: `upper` over the layers; absent: `upper` alone (COPY --link) */
  root?: RootPlan
  /** a folder as it is, or layers to mount */
  from: { path: string; plan?: RootPlan }
  sources: CopySource[]
  /** files that were downloaded, in place of sources of the kind `url` and `git`, by url */
  fetched: Record<string, { path: string; name: string; modifiedSeconds?: number }>
  unpack: boolean
  destination: string
  /** `keep`: as the source has it */
  owner: { uid: number; gid: number } | 'keep'
  chmod?: string
  parents: boolean
  ignore: string[]
  exclude: string[]
}

export interface FolderRequest extends WrittenRequest {
  do: 'folder'
  root: RootPlan
  path: string
}

export interface CommitRequest extends WrittenRequest {
  do: 'commit'
  /** paths on which something was mounted: what was made for that alone is no change */
  mountPoints: string[]
}

/** Layers as one. */
export interface MergeRequest extends LayerRequest {
  do: 'merge'
  /** folders of the layers, uppermost first */
  layers: string[]
  /** something lies below them that they may hide */
  hasBase: boolean
}

export type StepRequest = CopyRequest | FolderRequest | CommitRequest | MergeRequest

/** A layer in `folder`: `layer/diff`, `layer/layer.json`, `layer.tar`. */
export interface MadeLayer {
  diffId: Digest
  archiveBytes: number
  sizeBytes: number
  entries: number
}

export type StepAnswer =
  | { ok: { layer?: MadeLayer /** of the files that were copied, as they were found */; fingerprint?: string } }
  | { error: { code: string; message: string; hint?: string } }
