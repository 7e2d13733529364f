// Image manifests and indexes, OCI's and docker's, as they come from a registry or an archive (image-spec manifest.md, image-index.md). Pure.
import { TspodError } from '#errors.ts'
import { type Descriptor, parseDescriptor } from './descriptor.ts'
import { isInteger, isMapOf, isObject, isString } from './json-shape.ts'
import {
  dockerConfig,
  dockerManifest,
  isIndexType,
  isManifestType,
  isSchema1Type,
  layerCompression,
  ociConfig,
  ociIndex,
  ociManifest,
} from './media-types.ts'

export interface ImageManifest {
  kind: 'image'
  mediaType: string
  config: Descriptor
  /** Lowest first. */
  layers: Descriptor[]
  annotations?: Record<string, string>
}

export interface ImageIndex {
  kind: 'index'
  mediaType: string
  manifests: Descriptor[]
  annotations?: Record<string, string>
}

/** The usual bound of registries and clients (distribution-spec: at least 4 MiB must be accepted on push). */
export const largestManifestBytes = 4 * 1024 * 1024

/** The kernel stacks no more than 500 lower layers (fs/overlayfs, OVL_MAX_STACK). */
const mostLayers = 500

const frame = isObject({ schemaVersion: isInteger(1, 2) }, { mediaType: isString, annotations: isMapOf(isString) })

/**
 * Checks a manifest or an index. `mediaType` is what the registry or descriptor called it, `what` names it in errors
 * (`manifest of "docker.io/library/alpine:latest"`). Throws INVALID, UNSUPPORTED for docker's schema 1 and for other artifacts.
 */
export function parseManifest(text: string, mediaType: string | undefined, what: string): ImageManifest | ImageIndex {
  if (text.length > largestManifestBytes)
    throw new TspodError('INVALID', `${what} has ${text.length} bytes, must have at most ${largestManifestBytes}`)
  const value = parseJson(text, what)
  frame(value, what)
  const document = value as Record<string, unknown> & { schemaVersion: number; mediaType?: string }
  if (document.schemaVersion === 1 || isSchema1Type(mediaType ?? ''))
    throw new TspodError('UNSUPPORTED', `${what} is in docker's retired format, schema 1`, {
      hint: 'push the image again with a tool of this decade: it will be converted',
    })
  const isIndex = document.manifests !== undefined
  // CVE-2021-41190: one document must not be read as an index by one tool and as an image by another
  if (isIndex && (document.layers !== undefined || document.config !== undefined))
    throw new TspodError('INVALID', `${what} is both an index and an image manifest`)
  const annotations = document.annotations as Record<string, string> | undefined
  const type = checkType(document.mediaType, mediaType, isIndex, what)
  if (isIndex)
    return {
      kind: 'index',
      mediaType: type,
      manifests: parseList(document.manifests, `${what}: manifests`),
      annotations,
    }
  const layers = parseList(document.layers, `${what}: layers`)
  if (layers.length > mostLayers)
    throw new TspodError('INVALID', `${what} has ${layers.length} layers, must have at most ${mostLayers}`)
  for (const [index, layer] of layers.entries()) layerCompression(layer.mediaType, `${what}: layers[${index}]`)
  const config = parseDescriptor(document.config, `${what}: config`)
  if (config.size > largestManifestBytes)
    throw new TspodError(
      'INVALID',
      `${what}: config has ${config.size} bytes, must have at most ${largestManifestBytes}`,
    )
  return { kind: 'image', mediaType: type, config, layers, annotations }
}

/** The bytes of an image manifest, docker's where its configuration is; the same value always makes the same bytes. */
export function formatManifest(manifest: {
  config: Descriptor
  layers: readonly Descriptor[]
  annotations?: Record<string, string>
}): string {
  const { config, layers, annotations } = manifest
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: config.mediaType === dockerConfig ? dockerManifest : ociManifest,
    config: { ...config, mediaType: config.mediaType || ociConfig },
    layers,
    ...(annotations === undefined ? {} : { annotations }),
  })
}

/** Text to value; throws INVALID with what was read. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const start = text.slice(0, 40).replaceAll(/\s+/g, ' ')
    throw new TspodError('INVALID', `${what} is not JSON: it begins with "${start}"`, { cause: error })
  }
}

function parseList(value: unknown, what: string): Descriptor[] {
  if (!Array.isArray(value)) throw new TspodError('INVALID', `${what} is not a list`)
  return value.map((each, index) => parseDescriptor(each, `${what}[${index}]`))
}

/** What the document says it is must be what it was sent as; either may be silent. */
function checkType(own: string | undefined, sent: string | undefined, isIndex: boolean, what: string): string {
  const fits = isIndex ? isIndexType : isManifestType
  const said = own === undefined || own === '' ? sent : own
  // plain types are what simple file servers send
  if (said === undefined || /^(application\/(json|octet-stream)|text\/plain|)$/.test(said))
    return isIndex ? ociIndex : ociManifest
  if (!fits(said))
    throw new TspodError(
      'INVALID',
      `${what} has the media type "${said}" but is ${isIndex ? 'an index' : 'an image manifest'}`,
    )
  return said
}
