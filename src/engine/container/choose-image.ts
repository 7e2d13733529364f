// The image behind a container: found in the store, or pulled, as the pull policy says.
import type { ImageDefaults } from '#container/inputs.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { ChainId } from '#oci/digest.ts'
import type { PullOptions } from '#engine/contracts/image.ts'
import type { Engine } from '#engine/open.ts'

/** What a container needs to know of its image. */
export interface ChosenImage {
  /** Full name, or the id of a nameless one. */
  name: string
  /** 64 hexadecimal digits. */
  id: string
  /** Of the manifest. */
  digest: string
  defaults: ImageDefaults
  /** Paths of VOLUME. */
  volumes: string[]
  labels: Record<string, string>
  /** Layers, lowest first. */
  chain: ChainId[]
}

/** Finds or pulls it. Throws NOT_FOUND where the policy forbids to pull what is missing. */
export async function chooseImage(
  _engine: Engine,
  _request: ContainerRequest,
  _pull: PullOptions,
): Promise<ChosenImage> {
  throw new Error('images')
}
