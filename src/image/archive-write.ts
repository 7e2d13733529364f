// Archives and folders of images that are being written: the sinks of `save`. Host namespaces.
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, hexOf } from '#oci/digest.ts'
import { parseManifest } from '#oci/manifest.ts'
import { isConfigType, ociIndex } from '#oci/media-types.ts'
import type { ImageSink, ManifestBytes, OpenBlob } from './source.ts'

/** Where a sink puts its files: into a tar stream or a folder. */
export interface FileWriter extends AsyncDisposable {
  readonly description: string
  /** One file, whole; `size` is what `chunks` hold together. */
  write(name: string, size: number, chunks: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>
  finish(): Promise<void>
}

abstract class FileSink implements ImageSink {
  protected readonly writer: FileWriter
  readonly #written = new Set<Digest>()

  constructor(writer: FileWriter) {
    this.writer = writer
  }

  get description(): string {
    return this.writer.description
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.#written.has(digest)
  }

  async putBlob(descriptor: Descriptor, open: OpenBlob): Promise<void> {
    this.#written.add(descriptor.digest)
    await this.writer.write(this.nameOf(descriptor), descriptor.size, open())
  }

  async finish(): Promise<void> {
    await this.writeTables()
    await this.writer.finish()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer[Symbol.asyncDispose]()
  }

  protected abstract nameOf(descriptor: Descriptor): string
  protected abstract writeTables(): Promise<void>
  abstract putManifest(manifest: ManifestBytes, names: readonly string[]): Promise<void>

  protected async writeText(name: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text)
    await this.writer.write(name, bytes.byteLength, bytes)
  }
}

/** The archive of `docker save`: layers uncompressed, manifest.json with configurations, layers and tags. */
export class DockerArchiveSink extends FileSink {
  readonly #items: { Config: string; RepoTags: string[]; Layers: string[] }[] = []

  async putManifest({ bytes, mediaType }: ManifestBytes, names: readonly string[]): Promise<void> {
    const manifest = parseManifest(new TextDecoder().decode(bytes), mediaType, 'the manifest to save')
    if (manifest.kind !== 'image') return
    this.#items.push({
      Config: this.nameOf(manifest.config),
      RepoTags: names.filter(name => !name.includes('@')),
      Layers: manifest.layers.map(layer => this.nameOf(layer)),
    })
  }

  protected nameOf({ digest, mediaType }: Descriptor): string {
    return isConfigType(mediaType) ? `${hexOf(digest)}.json` : `${hexOf(digest)}.tar`
  }

  protected async writeTables(): Promise<void> {
    await this.writeText('manifest.json', JSON.stringify(this.#items))
  }
}

/** An OCI image layout, as an archive or a folder. */
export class OciLayoutSink extends FileSink {
  readonly #entries: Descriptor[] = []

  async putManifest({ bytes, mediaType, digest }: ManifestBytes, names: readonly string[]): Promise<void> {
    const descriptor: Descriptor = { mediaType, digest, size: bytes.byteLength }
    if (!(await this.hasBlob(descriptor))) await this.putBlob(descriptor, () => once(bytes))
    if (names.length === 0) this.#entries.push(descriptor)
    for (const name of names)
      this.#entries.push({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } })
  }

  protected nameOf({ digest }: Descriptor): string {
    return `blobs/sha256/${hexOf(digest)}`
  }

  protected async writeTables(): Promise<void> {
    await this.writeText('oci-layout', '{"imageLayoutVersion":"1.0.0"}')
    const index = { schemaVersion: 2, mediaType: ociIndex, manifests: this.#entries }
    await this.writeText('index.json', JSON.stringify(index))
  }
}

/** One image in a folder of the transport `dir:` (containers-transports(5)). */
export class DirSink extends FileSink {
  async putManifest({ bytes }: ManifestBytes): Promise<void> {
    await this.writer.write('manifest.json', bytes.byteLength, bytes)
  }

  protected nameOf({ digest }: Descriptor): string {
    return hexOf(digest)
  }

  protected async writeTables(): Promise<void> {
    await this.writeText('version', 'Directory Transport Version: 1.1\n')
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
