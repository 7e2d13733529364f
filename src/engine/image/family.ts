// Which images were made on top of which: a child begins with all layers and all of the history of its parent.
import { hasCode } from '#errors.ts'
import type { ImageStore } from '#image/store.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { ImageConfig } from '#oci/image-config.ts'

/** The families of a store's images; each configuration is read once, when it is first asked for. */
export class ImageFamilies {
  readonly #store: ImageStore
  readonly #images: readonly StoredImage[]
  readonly #configs = new Map<string, ImageConfig | undefined>()

  constructor(store: ImageStore, images: readonly StoredImage[] = store.list()) {
    this.#store = store
    this.#images = images
  }

  childrenOf(image: StoredImage): StoredImage[] {
    return this.#images.filter(other => this.#isChild(other, image))
  }

  /** The nearest one it was made on top of. */
  parentOf(image: StoredImage): StoredImage | undefined {
    const steps = (parent: StoredImage) => this.#config(parent)?.history?.length ?? 0
    return this.#images.filter(other => this.#isChild(image, other)).toSorted((a, b) => steps(b) - steps(a))[0]
  }

  #isChild(child: StoredImage, parent: StoredImage): boolean {
    if (child.id === parent.id) return false
    const [below, above] = [this.#config(parent), this.#config(child)]
    if (below?.history === undefined || above?.history === undefined) return false
    if (below.history.length === 0 || above.history.length <= below.history.length) return false
    return (
      below.rootfs.diff_ids.every((diffId, index) => above.rootfs.diff_ids[index] === diffId) &&
      below.history.every((step, index) => JSON.stringify(step) === JSON.stringify(above.history?.[index]))
    )
  }

  /** An image whose blobs are damaged has no family. */
  #config(image: StoredImage): ImageConfig | undefined {
    if (this.#configs.has(image.id)) return this.#configs.get(image.id)
    let config: ImageConfig | undefined
    try {
      config = this.#store.open(image).config
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND', 'INVALID')) throw error
    }
    this.#configs.set(image.id, config)
    return config
  }
}
