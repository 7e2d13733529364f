// Media types of manifests, configurations and layers: OCI image-spec media-types.md and docker's image manifest v2, schema 2. Pure.
import { TspodError } from '#errors.ts'

export const ociIndex = 'application/vnd.oci.image.index.v1+json'
export const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
export const ociConfig = 'application/vnd.oci.image.config.v1+json'
export const ociLayer = 'application/vnd.oci.image.layer.v1.tar'
export const dockerIndex = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json'
export const dockerConfig = 'application/vnd.docker.container.image.v1+json'
export const dockerLayer = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

/** What a client that reads both families asks a registry for, in its Accept header. */
export const manifestMediaTypes = [ociIndex, ociManifest, dockerIndex, dockerManifest] as const

const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/
const layerForms =
  /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(foreign\.)?diff\.tar)([.+](gzip|zstd))?$/

export const isIndexType = (mediaType: string): boolean => mediaType === ociIndex || mediaType === dockerIndex
export const isManifestType = (mediaType: string): boolean => mediaType === ociManifest || mediaType === dockerManifest
export const isConfigType = (mediaType: string): boolean => mediaType === ociConfig || mediaType === dockerConfig
export const isSchema1Type = (mediaType: string): boolean => schema1.test(mediaType)

export type Compression = 'gzip' | 'zstd' | 'none'

/** How a layer's media type says it is compressed. Throws UNSUPPORTED for what is no file system layer or is encrypted. */
export function layerCompression(mediaType: string, what: string): Compression {
  const found = layerForms.exec(mediaType)
  if (found !== null) return (found[5] as Compression | undefined) ?? 'none'
  const why = mediaType.endsWith('+encrypted') ? 'encrypted layers are not supported' : 'not a file system layer'
  throw new TspodError('UNSUPPORTED', `${what} has the media type "${mediaType}": ${why}`, {
    hint: 'this is no image to start containers from, or it was made for another tool',
  })
}

/** The media type of a layer. Throws INVALID for zstd in docker's family, which has none. */
export function layerType(family: 'oci' | 'docker', compression: Compression): string {
  if (family === 'docker' && compression === 'zstd')
    throw new TspodError('INVALID', "docker's format has no layers compressed with zstd", { hint: 'use --format oci' })
  const plain = family === 'oci' ? ociLayer : dockerLayer.replace(/\.gzip$/, '')
  if (compression === 'none') return plain
  return family === 'oci' ? `${plain}+${compression}` : `${plain}.${compression}`
}

/** How bytes are really compressed, by their first four; some registries hold layers whose media type is wrong. */
export function sniffCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  return 'none'
}
