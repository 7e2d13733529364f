// The seam between a chain of unpacked layers and the root file system of one container.
import type { ChainId } from '#oci/digest.ts'
import type { Call } from '#sys/servant/batch.ts'
import type { LayerMode } from './layer-paths.ts'
import type { OpenNamespace } from './remove-tree.ts'
import type { RootIds } from './root-ids.ts'
import type { SourceOverlay } from './source-overlay.ts'

export interface RootRequest {
  /** Layers, lowest first. */
  chain: readonly ChainId[]
  /** A folder of its own in the store, absolute; `upper`, `work` and `merged` lie in it. */
  containerFolder: string
  /** Other owners than the layers have; absent where they are the same. */
  ids?: RootIds
  /** Show the layers alone; nothing can be written. For mounts of images. */
  readOnly: boolean
  /** What is written goes when it is unmounted for good: the kernel need not write it to the disk then. */
  isDiscarded?: boolean
}

/**
 * How the root file system comes to be, as data: performed by a servant inside the user's namespace, in a mount namespace that
 * nobody else sees, so that nothing has to be unmounted.
 */
export interface RootPlan {
  /** Performed in order by the servant. They change its current folder. */
  calls: readonly Call[]
  /** A program that serves the file system (FUSE): started in the servant's namespaces and current folder. */
  program?: {
    path: string
    argv: readonly string[]
    /** It serves as soon as something is mounted on this path. */
    readyWhenMounted: string
  }
  /** The path that the root file system has after that. */
  root: string
}

export interface StorageDriver {
  readonly name: 'overlay' | 'fuse-overlayfs' | 'copy'
  /** Makes the folders of one root file system, host side, as the caller. */
  prepare(request: RootRequest): Promise<void>
  /** Decides how it is mounted; the same request, the same plan. Throws INVALID for more layers than can be mounted. */
  planRoot(request: RootRequest): RootPlan
  /** The same for a folder of the user's with a writable layer over it. Throws UNSUPPORTED where nothing overlays. */
  planSource(overlay: SourceOverlay): RootPlan
}

/** Where a driver finds layers. */
export interface DriverPlace {
  graphRoot: string
  mode: LayerMode
  openNamespace: OpenNamespace
}
