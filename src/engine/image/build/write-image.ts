// A finished stage as an image of the store: configuration, manifest, names.
import { cacheKey } from '#build/cache.ts'
import { setVariable } from '#build/plan/image-config.ts'
import { inlineRecords, sharedCacheField } from '#build/shared-cache.ts'
import { blobSize, digestOfBytes, writeBlob } from '#image/blobs.ts'
import type { StoredImage } from '#image/stored-image.ts'
import { hexOf } from '#oci/digest.ts'
import type { ExecutionConfig, ImageConfig } from '#oci/image-config.ts'
import { dockerConfig, dockerManifest, ociConfig, ociManifest } from '#oci/media-types.ts'
import type { BuildSession } from './session.ts'
import { createdMs, type FinishedStage } from './stage.ts'

export interface WrittenImage {
  image: StoredImage
  digest: string
}

/** Stores it. Where all came from the cache the same image comes out, and nothing is written. */
export async function writeImage(
  session: BuildSession,
  stage: FinishedStage,
  names: readonly string[],
): Promise<WrittenImage> {
  const { engine, request, cache } = session
  const config = finalConfig(session, stage)
  const isInline = request.cacheTo.some(({ kind }) => kind === 'inline')
  const records = isInline ? inlineRecords(session.used, stage.layers) : undefined
  // when an image of this very content was first made: then it is the same image
  const key = cacheKey({
    version: 1,
    image: config,
    history: stage.history,
    records,
    annotations: [...request.annotations],
    format: request.format,
  })
  const known = request.noCache === false ? cache.find(key)?.createdMs : undefined
  const madeMs = known ?? Date.now()
  const created = new Date(createdMs(session, madeMs)).toISOString()
  const full: ImageConfig = {
    created,
    ...(stage.author !== undefined && { author: stage.author }),
    architecture: session.args.platform.architecture,
    os: session.args.platform.os,
    ...(session.args.platform.variant !== undefined && { variant: session.args.platform.variant }),
    config,
    rootfs: { type: 'layers', diff_ids: stage.layers.map(({ diffId }) => diffId) },
    history: stage.history.map(entry => ({ created, ...entry })),
    ...(records && { [sharedCacheField]: { records } }),
  }
  const isOci = request.format === 'oci'
  const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  const configBytes = encode(full)
  const configDigest = digestOfBytes(configBytes)
  const manifestBytes = encode({
    schemaVersion: 2,
    mediaType: isOci ? ociManifest : dockerManifest,
    config: { mediaType: isOci ? ociConfig : dockerConfig, digest: configDigest, size: configBytes.byteLength },
    layers: stage.layers.map(({ descriptor }) => ({
      mediaType: layerType(descriptor.mediaType, isOci),
      digest: descriptor.digest,
      size: descriptor.size,
    })),
    ...(isOci && {
      annotations: {
        ...(stage.base && {
          'org.opencontainers.image.base.digest': stage.base.digest,
          'org.opencontainers.image.base.name': stage.base.name,
        }),
        ...Object.fromEntries(request.annotations),
      },
    }),
  })
  const digest = digestOfBytes(manifestBytes)
  const id = hexOf(configDigest)
  const present = engine.images.list().find(image => image.id === id && image.digests.includes(digest))
  if (
    present !== undefined &&
    names.every(name => present.names.includes(name)) &&
    blobSize(engine.graphRoot, digest) !== undefined
  )
    return { image: present, digest }
  await session.lease.protect([digest, configDigest])
  writeBlob(engine.graphRoot, configBytes)
  writeBlob(engine.graphRoot, manifestBytes)
  const image = await engine.images.add({
    manifest: { mediaType: isOci ? ociManifest : dockerManifest, digest, size: manifestBytes.byteLength },
    names,
    sizeBytes: stage.sizeBytes,
  })
  if (known === undefined) cache.put(key, { version: 1, chain: stage.chain, createdMs: madeMs, shown: 'image' })
  engine.journal({ type: 'image', status: 'build', id, name: names[0] ?? '', attributes: image.labels })
  return { image, digest }
}

/** Labels and variables of the command line over what the file says. */
function finalConfig({ request }: BuildSession, { config }: FinishedStage): ExecutionConfig {
  const env = request.env.reduce<string[]>((sum, entry) => {
    const equals = entry.indexOf('=')
    return setVariable(sum, entry.slice(0, equals), entry.slice(equals + 1))
  }, config.Env ?? [])
  return {
    ...config,
    ...(env.length > 0 && { Env: env }),
    ...(request.labels.size > 0 && { Labels: { ...config.Labels, ...Object.fromEntries(request.labels) } }),
  }
}

/** The other family's word for the same bytes. */
function layerType(mediaType: string, isOci: boolean): string {
  const compression = /(gzip|zstd)$/.exec(mediaType)?.[1]
  if (isOci) return `application/vnd.oci.image.layer.v1.tar${compression === undefined ? '' : `+${compression}`}`
  return `application/vnd.docker.image.rootfs.diff.tar${compression === undefined ? '' : `.${compression}`}`
}
