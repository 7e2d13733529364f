// The images of this user: what there is, by which names, and changes to both. Host namespaces. Readers are synchronous and take no lock.
import { TspodError } from '#errors.ts'
import { sha256Hex } from '#host/bun.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type ChainId, chainIdsOf, type Digest, hexOf } from '#oci/digest.ts'
import type { ImageConfig } from '#oci/image-config.ts'
import type { ImageManifest } from '#oci/manifest.ts'
import { isIndexType } from '#oci/media-types.ts'
import { completeName, formatReference, parseTypedName, withDefaultTag } from '#oci/reference.ts'
import { blobSize } from './blobs.ts'
import { addEntry, nameOf, removeManifests, removeNames } from './index-edits.ts'
import { annotation, ensureLayout, type IndexEntry, lockFile, readIndex, writeIndex } from './layout.ts'
import { chooseRival, entriesFor, type FoundImage, lookupImage } from './lookup.ts'
import { annotationsOf, imagesOf, readImage, type StoredImage } from './stored-image.ts'

/** All that a container needs to know of its image. */
export interface ImageContent {
  digest: Digest
  manifest: ImageManifest
  config: ImageConfig
  /** Names of the stacks of layers, lowest first: what is mounted. */
  chain: ChainId[]
}

/** An image whose blobs are all stored. */
export interface NewImage {
  manifest: Descriptor
  /** full names, with tag or digest; none for a nameless image */
  names: readonly string[]
  /** digests of indexes it was found through */
  pulledAs?: readonly Digest[]
  /** bytes of the unpacked files */
  sizeBytes: number
}

export class ImageStore {
  readonly root: string

  /** `root` is the graphRoot; it need not exist to be read. */
  constructor(root: string) {
    this.root = root
  }

  list(): StoredImage[] {
    return imagesOf(this.root, readIndex(this.root))
  }

  /**
   * The image that a user means. An image's files are not looked at. Throws CONFLICT where several are meant, INVALID for
   * what is no name. Reads registries.conf only where a short name fits several images.
   */
  async find(text: string): Promise<FoundImage | undefined> {
    const found = lookupImage(imagesOf(this.root, entriesFor(readIndex(this.root), text)), text)
    if (found === undefined || 'image' in found) return found
    const { openRegistries } = await import('#config/registries.ts')
    const { shortNameRepositories } = await import('#config/pull-sources.ts')
    return chooseRival(found.rivals, shortNameRepositories(text, await openRegistries()), text)
  }

  /** As `find`; throws NOT_FOUND in podman's words. */
  async resolve(text: string): Promise<FoundImage> {
    const found = await this.find(text)
    if (found === undefined)
      throw new TspodError('NOT_FOUND', `${text}: image not known`, { hint: '"tspod images" shows what there is' })
    return found
  }

  /** The manifest that a found image's name leads to: one configuration may have come with several. */
  digestOf({ image, name }: FoundImage): Digest {
    return readIndex(this.root).find(entry => name !== undefined && nameOf(entry) === name)?.digest ?? image.digest
  }

  /** Manifest, configuration and chain of an image, digests verified. Throws NOT_FOUND or INVALID where the store is damaged. */
  open(image: Pick<StoredImage, 'digest'>): ImageContent {
    const { manifest, config } = readImage(this.root, image.digest)
    return { digest: image.digest, manifest, config, chain: chainIdsOf(config.rootfs.diff_ids, sha256Hex) }
  }

  /** Makes an image visible. Throws CONFLICT where a blob of it is missing. */
  async add(image: NewImage): Promise<StoredImage> {
    const { manifest, config } = readImage(this.root, image.manifest.digest)
    const id = hexOf(manifest.config.digest)
    const annotations = annotationsOf({ id, config, sizeBytes: image.sizeBytes, pulledAs: image.pulledAs })
    const entries = await this.#change(index => {
      for (const layer of manifest.layers)
        if (blobSize(this.root, layer.digest) !== layer.size)
          throw new TspodError(
            'CONFLICT',
            `storing image ${id.slice(0, 12)}: its layer ${layer.digest} is not stored`,
            {
              hint: 'another command removed it at this moment; try again',
            },
          )
      return addEntry(index, { descriptor: image.manifest, annotations, names: image.names })
    })
    const added = imagesOf(this.root, entries).find(each => each.id === id)
    if (added === undefined) throw new TspodError('INTERNAL', `image ${id} is not in the index it was just added to`)
    return added
  }

  /** Gives an image further names, taking them from whoever has them. Returns the full names. Throws INVALID. */
  async tag(image: StoredImage, targets: readonly string[]): Promise<string[]> {
    const names = targets.map(fullTagName)
    await this.#change(index => {
      const entry = index.find(each => each.digest === image.digest)
      if (entry === undefined) throw new TspodError('NOT_FOUND', `${image.id.slice(0, 12)}: image not known`)
      return addEntry(index, { descriptor: entry, annotations: entry.annotations ?? {}, names })
    })
    return names
  }

  /** Remembers that a repository has the image's layers. */
  async notePush(image: StoredImage, repository: string): Promise<void> {
    if (image.pushedTo.includes(repository)) return
    await this.#change(index => {
      const entry = index.find(each => each.digest === image.digest)
      if (entry === undefined) return index // it was removed meanwhile
      const annotations = { ...entry.annotations, [annotation.pushedTo]: repository }
      return addEntry(index, { descriptor: entry, annotations, names: [] })
    })
  }

  /** Takes these full names away, as `StoredImage.names` and `repoDigests` have them; the image stays. */
  async untag(names: readonly string[]): Promise<void> {
    await this.#change(index => removeNames(index, names))
  }

  /** Makes a manifest list visible under a name, in place of what has it. `write` stores its bytes while nothing can be swept. */
  async putList(name: string, descriptor: Descriptor, sources: string, write: () => void): Promise<void> {
    const { sweepRemoved } = await import('./garbage.ts')
    await this.#change(
      index => {
        write()
        const others = removeNames(withoutList(index, name), [name])
        const annotations = { [annotation.name]: name, [annotation.sources]: sources }
        return [...others, { ...descriptor, annotations }]
      },
      async (before, after) => void (await sweepRemoved(this.root, before, after)),
    )
  }

  /** Takes a manifest list away; its members stay where they are images of their own. */
  async removeList(name: string): Promise<void> {
    const { sweepRemoved } = await import('./garbage.ts')
    await this.#change(
      index => withoutList(index, name),
      async (before, after) => void (await sweepRemoved(this.root, before, after)),
    )
  }

  /** Takes an image with all its names out of the index, and removes its blobs where no other image needs them. */
  async remove(image: StoredImage): Promise<{ freedBytes: number }> {
    const { sweepRemoved } = await import('./garbage.ts')
    let freedBytes = 0
    await this.#change(
      index => removeManifests(index, new Set(image.digests)),
      async (before, after) => {
        freedBytes = await sweepRemoved(this.root, before, after)
      },
    )
    return { freedBytes }
  }

  /** Runs `edit` on the index under the store's lock and writes what it returns; then, still locked, `afterwards`. */
  async #change(
    edit: (index: IndexEntry[]) => IndexEntry[],
    afterwards?: (before: IndexEntry[], after: IndexEntry[]) => Promise<void>,
  ): Promise<IndexEntry[]> {
    const { withFileLock } = await import('#sys/lock.ts')
    ensureLayout(this.root)
    return await withFileLock(lockFile(this.root), async () => {
      const before = readIndex(this.root)
      const after = edit(before)
      if (after.length !== before.length || after.some((entry, position) => entry !== before[position]))
        writeIndex(this.root, after)
      await afterwards?.(before, after)
      return after
    })
  }
}

function withoutList(index: readonly IndexEntry[], name: string): IndexEntry[] {
  return index.filter(entry => !(isIndexType(entry.mediaType) && nameOf(entry) === name))
}

/** The full name that a new name stands for: `foo` is localhost/foo:latest, as podman names what is made here. Throws INVALID. */
export function fullTagName(text: string): string {
  const { registry, path, tag, digest } = parseTypedName(text)
  if (digest !== undefined)
    throw new TspodError('INVALID', `tagging an image as "${text}": a new name cannot have a digest`)
  return formatReference(withDefaultTag(completeName(registry ?? 'localhost', path, { tag })))
}
