// save: images of the store into an archive or a folder.

import type { SaveOptions } from '#engine/contracts/image.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { DirSink, DockerArchiveSink, OciLayoutSink } from '#image/archive-write.ts'
import { folderWriter, tarFileWriter, tarStreamWriter } from '#image/archive-writers.ts'
import { digestOfBytes } from '#image/blobs.ts'
import { defaultLevel } from '#image/compress.ts'
import { type ConvertOptions, convertImage } from '#image/convert.ts'
import { formatIndex } from '#image/manifest-list.ts'
import type { ImageSink, ManifestBytes } from '#image/source.ts'
import { fullTagName } from '#image/store.ts'
import type { StoredImage } from '#image/stored-image.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'
import type { ImageIndex } from '#oci/manifest.ts'
import { openStaging } from '#storage/staging.ts'
import { archiveBytes } from './unpacked-layers.ts'

interface ToSave {
  image: StoredImage
  /** of the manifest that was named */
  digest: Digest
  names: string[]
}

/** The verb: the digests of the manifests that were written. */
export async function saveImages(names: string[], options: SaveOptions): Promise<string[]> {
  const engine = await openEngine()
  const chosen = await chooseImages(engine, names, options)
  checkOptions(chosen, options)
  await using staging = openStaging(engine.graphRoot, 'save', () => engine.namespace())
  await using sink = await openSink(options)
  const digests: string[] = []
  for (const { digest, names: tags } of chosen) {
    const written = await writeTo(sink, engine, digest, options, staging.path)
    await sink.putManifest(written, tags)
    digests.push(written.digest)
    options.onProgress?.({ kind: 'manifest', digest: written.digest })
  }
  await sink.finish()
  for (const { image, names: tags } of chosen)
    engine.journal({ type: 'image', status: 'save', id: image.id, name: tags[0] ?? '', attributes: image.labels })
  return digests
}

/** Images for several platforms as one OCI archive: an index of them stands in its index under each of the names. */
export async function saveList(
  engine: Engine,
  index: ImageIndex,
  { names, output }: { names: readonly string[]; output: SaveOptions['output'] },
): Promise<void> {
  const options: SaveOptions = {
    format: 'oci-archive',
    output,
    multiImage: false,
    compress: false,
    uncompressed: false,
  }
  await using staging = openStaging(engine.graphRoot, 'save', () => engine.namespace())
  await using sink = await openSink(options)
  const manifests: Descriptor[] = []
  for (const member of index.manifests) {
    const { bytes, mediaType, digest } = await writeTo(sink, engine, member.digest, options, staging.path)
    const descriptor = { ...member, mediaType, digest, size: bytes.byteLength }
    manifests.push(descriptor)
    if (await sink.hasBlob(descriptor)) continue
    await sink.putBlob(descriptor, async function* () {
      yield bytes
    })
  }
  const bytes = formatIndex({ ...index, manifests })
  await sink.putManifest({ bytes, mediaType: index.mediaType, digest: digestOfBytes(bytes) }, names)
  await sink.finish()
}

/** All blobs of an image but its manifest, which is returned: it is another where layers had to change. */
async function writeTo(
  sink: ImageSink,
  engine: Engine,
  digest: Digest,
  options: SaveOptions,
  scratch: string,
): Promise<ManifestBytes> {
  const { manifest, config, chain } = engine.images.open({ digest })
  const stored = { digest, manifest, diffIds: config.rootfs.diff_ids }
  const converted = await convertImage(engine.graphRoot, stored, {
    ...shapeOf(options),
    scratch,
    plainSizeOf: position => archiveBytes(engine.graphRoot, chain[position]),
    openNamespace: () => engine.namespace(),
  })
  for (const { descriptor, open } of converted.blobs) {
    const role = descriptor.digest === manifest.config.digest ? 'config' : 'layer'
    const progress = { kind: 'blob', digest: descriptor.digest, role, totalBytes: descriptor.size } as const
    if (await sink.hasBlob(descriptor)) {
      options.onProgress?.({ ...progress, phase: 'exists', doneBytes: descriptor.size })
      continue
    }
    options.onProgress?.({ ...progress, phase: 'copying', doneBytes: 0 })
    await sink.putBlob(descriptor, open)
    options.onProgress?.({ ...progress, phase: 'done', doneBytes: descriptor.size })
  }
  return converted.manifest
}

/** With `multiImage` every name is an image; otherwise the names after the first are further tags of the first. */
async function chooseImages(engine: Engine, names: string[], { multiImage, as }: SaveOptions): Promise<ToSave[]> {
  const [first, ...tags] = names
  if (first === undefined) throw new TspodError('INVALID', 'saving images: no image is named')
  if (!multiImage) {
    const found = await engine.images.resolve(first)
    const digest = engine.images.digestOf(found)
    if (as !== undefined) return [{ image: found.image, digest, names: as }]
    return [
      {
        image: found.image,
        digest,
        names: [...(found.name === undefined ? [] : [found.name]), ...tags.map(fullTagName)],
      },
    ]
  }
  const chosen = new Map<string, ToSave>()
  for (const name of names) {
    const found = await engine.images.resolve(name)
    const known = chosen.get(found.image.id) ?? { image: found.image, digest: engine.images.digestOf(found), names: [] }
    chosen.set(found.image.id, known)
    if (found.name !== undefined && !known.names.includes(found.name)) known.names.push(found.name)
  }
  return [...chosen.values()]
}

function checkOptions(chosen: readonly ToSave[], options: SaveOptions): void {
  const { format, output, compress, uncompressed } = options
  const isFolder = format === 'oci-dir' || format === 'docker-dir'
  if (isFolder && output.kind === 'stream')
    throw new TspodError('INVALID', `saving as ${format}: it makes a folder, so standard output cannot take it`, {
      hint: 'name the folder with -o',
    })
  if (compress && format !== 'docker-dir')
    throw new TspodError('INVALID', `saving as ${format}: --compress is for docker-dir only`)
  if (uncompressed && !format.startsWith('oci-'))
    throw new TspodError('INVALID', `saving as ${format}: --uncompressed is for oci-archive and oci-dir only`)
  if (chosen.length > 1 && format === 'docker-dir')
    throw new TspodError('INVALID', `saving ${chosen.length} images as docker-dir: it holds one image`, {
      hint: 'use docker-archive or oci-archive',
    })
}

function shapeOf({ format, compress, uncompressed }: SaveOptions): Omit<ConvertOptions, 'scratch'> {
  if (format === 'docker-archive') return { family: 'docker', layers: 'plain' }
  if (format === 'docker-dir')
    return {
      family: 'docker',
      layers: compress ? { format: 'gzip', level: defaultLevel.gzip, keep: 'same' } : 'stored',
    }
  return { family: 'oci', layers: uncompressed ? 'plain' : 'stored' }
}

async function openSink({ format, output }: SaveOptions): Promise<ImageSink> {
  if (output.kind === 'file' && format === 'oci-dir') return new OciLayoutSink(folderWriter(output.path))
  if (output.kind === 'file' && format === 'docker-dir') return new DirSink(folderWriter(output.path))
  const writer =
    output.kind === 'file' ? await tarFileWriter(output.path) : tarStreamWriter('the archive', output.write)
  return format === 'docker-archive' ? new DockerArchiveSink(writer) : new OciLayoutSink(writer)
}
