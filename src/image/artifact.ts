// Artifacts: files kept and moved as images are (OCI image-spec manifest.md, "Guidelines for Artifact Usage"). They lie in a layout of
// their own below the store, so that what sweeps images never meets them. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename, join } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { type Descriptor, parseDescriptor } from '#oci/descriptor.ts'
import { type Digest, digestOf } from '#oci/digest.ts'
import { isMapOf, isObject, isString } from '#oci/json-shape.ts'
import { largestManifestBytes, parseJson } from '#oci/manifest.ts'
import { ociManifest } from '#oci/media-types.ts'
import { blobPath, blobSize, digestOfBytes, readBlob, writeBlob } from './blobs.ts'
import { removeIfThere } from './durable-file.ts'
import { nameOf } from './index-edits.ts'
import { annotation, blobsFolder, ensureLayout, type IndexEntry, lockFile, readIndex, writeIndex } from './layout.ts'
import { listNames } from './lease.ts'
import { openPartialBlob } from './partial-blob.ts'

export interface ArtifactManifest {
  artifactType?: string
  config: Descriptor
  /** the files */
  layers: Descriptor[]
  annotations?: Record<string, string>
}

export interface StoredArtifact {
  /** full name, with tag */
  name: string
  digest: Digest
  manifest: ArtifactManifest
  /** of the manifest, byte for byte */
  bytes: Uint8Array
}

export const titleAnnotation = 'org.opencontainers.image.title'
export const createdAnnotation = 'org.opencontainers.image.created'
const emptyConfig = new TextEncoder().encode('{}')
const emptyType = 'application/vnd.oci.empty.v1+json'

export const artifactRoot = (graphRoot: string): string => join(graphRoot, 'artifacts')

const shape = isObject({}, { artifactType: isString, annotations: isMapOf(isString) })

/** Checks a manifest whose layers may be anything. Throws INVALID. */
export function parseArtifact(bytes: Uint8Array, what: string): ArtifactManifest {
  if (bytes.byteLength > largestManifestBytes)
    throw new TspodError('INVALID', `${what} has ${bytes.byteLength} bytes, must have at most ${largestManifestBytes}`)
  const value = parseJson(new TextDecoder().decode(bytes), what)
  shape(value, what)
  const { artifactType, config, layers, annotations } = value as Record<string, unknown> & ArtifactManifest
  if (!Array.isArray(layers)) throw new TspodError('INVALID', `${what} has no list of layers`)
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    config: parseDescriptor(config, `${what}: config`),
    layers: layers.map((layer, index) => parseDescriptor(layer, `${what}: layers[${index}]`)),
    ...(annotations === undefined ? {} : { annotations }),
  }
}

export class ArtifactStore {
  readonly root: string

  constructor(graphRoot: string) {
    this.root = artifactRoot(graphRoot)
  }

  list(): StoredArtifact[] {
    return readIndex(this.root).flatMap(entry => {
      const name = nameOf(entry)
      return name === undefined ? [] : [this.#open(name, entry)]
    })
  }

  /** By full name, or by the beginning of the digest. */
  find(name: string, text: string): StoredArtifact | undefined {
    const hex = text.replace(/^sha256:/, '')
    const isDigestPart = /^[0-9a-f]{12,64}$/.test(hex)
    const entry = readIndex(this.root).find(
      each => nameOf(each) === name || (isDigestPart && each.digest.startsWith(`sha256:${hex}`)),
    )
    return entry && this.#open(nameOf(entry) ?? '', entry)
  }

  #open(name: string, entry: IndexEntry): StoredArtifact {
    const what = `artifact "${name}"`
    const bytes = readBlob(this.root, entry.digest, what)
    return { name, digest: entry.digest, manifest: parseArtifact(bytes, what), bytes }
  }

  /** Stores a file; its digest is found on the way. */
  async addFile(path: string): Promise<{ digest: Digest; size: number }> {
    ensureLayout(this.root)
    const hash = createHash('sha256')
    let size = 0
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
        hash.update(chunk as Uint8Array)
        size += (chunk as Uint8Array).byteLength
      }
    } catch (error) {
      throw during(`reading "${path}"`, error)
    }
    const digest = digestOf(hash.digest('hex'))
    await this.receive({ mediaType: '', digest, size }, offset =>
      Promise.resolve(createReadStream(path, { start: offset, highWaterMark: 1 << 20 })),
    )
    return { digest, size }
  }

  /** Brings a blob, verified, from where an earlier try stopped. Throws INVALID for other bytes than promised. */
  async receive(
    { digest, size }: Descriptor,
    open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<void> {
    ensureLayout(this.root)
    if (blobSize(this.root, digest) === size) return
    using partial = await openPartialBlob(this.root, digest, { signal, onWait: () => undefined })
    if (partial === undefined) return
    const hash = createHash('sha256')
    if (partial.size > size) partial.clear()
    for await (const chunk of partial.contents()) hash.update(chunk)
    if (partial.size < size)
      for await (const chunk of await open(partial.size)) {
        hash.update(chunk)
        await partial.append(chunk)
      }
    const found = digestOf(hash.digest('hex'))
    if (found !== digest || partial.size !== size) {
      partial.remove()
      throw new TspodError('INVALID', `blob ${digest} came as ${found} with ${partial.size} bytes, wanted ${size}`)
    }
    await partial.sync()
    partial.commit(this.root, digest)
  }

  /** A new manifest of these files, ready to be put. */
  makeManifest(parts: Omit<ArtifactManifest, 'config'>): Uint8Array {
    ensureLayout(this.root)
    const digest = writeBlob(this.root, emptyConfig)
    const config = { mediaType: emptyType, digest, size: emptyConfig.byteLength }
    const { artifactType, layers, annotations } = parts
    const type = artifactType ?? 'application/vnd.unknown.artifact.v1'
    const value = { schemaVersion: 2, mediaType: ociManifest, artifactType: type, config, layers, annotations }
    return new TextEncoder().encode(JSON.stringify(value))
  }

  /** Makes an artifact visible, in place of what has its name. All its blobs are stored. */
  async put(name: string, bytes: Uint8Array): Promise<Digest> {
    const digest = digestOfBytes(bytes)
    const { config, layers } = parseArtifact(bytes, `artifact "${name}"`)
    await this.#change(entries => {
      for (const descriptor of [config, ...layers])
        if (blobSize(this.root, descriptor.digest) !== descriptor.size)
          throw new TspodError('CONFLICT', `storing artifact "${name}": its blob ${descriptor.digest} is not stored`, {
            hint: 'another command removed it at this moment; try again',
          })
      writeBlob(this.root, bytes)
      const entry = { mediaType: ociManifest, digest, size: bytes.byteLength, annotations: { [annotation.name]: name } }
      return [...entries.filter(each => nameOf(each) !== name), entry]
    })
    return digest
  }

  async remove(names: ReadonlySet<string>): Promise<void> {
    await this.#change(entries => entries.filter(entry => !names.has(nameOf(entry) ?? '')))
  }

  /** The file of a blob. */
  pathOf({ digest }: Descriptor): string {
    return blobPath(this.root, digest)
  }

  /** Changes the index under its lock; blobs that none needs go with what was taken out. */
  async #change(edit: (entries: IndexEntry[]) => IndexEntry[]): Promise<void> {
    const { withFileLock } = await import('#sys/lock.ts')
    ensureLayout(this.root)
    await withFileLock(lockFile(this.root), () => {
      const before = readIndex(this.root)
      const after = edit(before)
      const needed = new Set(after.flatMap(entry => this.#blobsOf(entry)))
      writeIndex(this.root, after)
      const known = new Set(listNames(blobsFolder(this.root)))
      for (const entry of before)
        for (const digest of this.#blobsOf(entry))
          if (!needed.has(digest) && known.has(digest.slice('sha256:'.length)))
            removeIfThere(blobPath(this.root, digest))
    })
  }

  #blobsOf(entry: IndexEntry): Digest[] {
    const { manifest } = this.#open(nameOf(entry) ?? '', entry)
    return [entry.digest, manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)]
  }
}

/** The name a file of an artifact gets where it is written: never a path. */
export function fileNameOf({ annotations, digest }: Descriptor): string {
  const title = basename(annotations?.[titleAnnotation] ?? '')
  return title === '' || title === '.' || title === '..' ? digest.replace(':', '-') : title
}
