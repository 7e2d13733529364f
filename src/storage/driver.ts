// The seam between a chain of unpacked layers and the root file system of one container.
import type { ChainId } from '#oci/digest.ts'
import type { Call } from '#sys/servant/batch.ts'

export interface RootRequest {
  /** Layers, lowest first. */
  chain: readonly ChainId[]
  /** The container's folder in the store; `upper`, `work` and `merged` lie in it. */
  containerFolder: string
  /** `data=` options the user asked for; usually empty. */
  readOnly: boolean
}

/**
 * How the root file system comes to be, as data: performed by a servant inside the user's namespace, in a mount namespace that
 * nobody else sees, so that nothing has to be unmounted.
 */
export interface RootPlan {
  /** Performed in order by the servant. */
  calls: readonly Call[]
  /** A program that serves the file system (FUSE): started in the same namespaces before the container's process is cloned. */
  program?: {
    path: string
    argv: readonly string[] /** device number of `root` changes when it is mounted */
    readyWhenMounted: string
  }
  /** The path that the root file system has after that. */
  root: string
}

export interface StorageDriver {
  readonly name: 'overlay' | 'fuse-overlayfs' | 'copy'
  /** Makes the container's folders (host side, as the caller). */
  prepare(request: RootRequest): Promise<void>
  /** Pure: the same request, the same plan. */
  planRoot(request: RootRequest): RootPlan
}
