// What is known of the images in the local layout, told from index.json; only entries another tool wrote need their blobs read. Host namespaces.
import { TspodError } from '#errors.ts'
import { log } from '#log.ts'
import type { Digest } from '#oci/digest.ts'
import { hexOf, isDigest } from '#oci/digest.ts'
import { createdMs, type ImageConfig, parseImageConfig } from '#oci/image-config.ts'
import { type ImageManifest, parseManifest } from '#oci/manifest.ts'
import { isIndexType } from '#oci/media-types.ts'
import { formatPlatform } from '#oci/platform.ts'
import { readBlob } from './blobs.ts'
import { nameOf, wordsOf } from './index-edits.ts'
import { annotation, type IndexEntry } from './layout.ts'

export interface StoredImage {
  /** 64 hexadecimal digits: the configuration's digest */
  id: string
  /** of the manifest; the first where the same configuration came with several manifests */
  digest: Digest
  /** every manifest's */
  digests: Digest[]
  /** full names with tags, `docker.io/library/alpine:latest` */
  names: string[]
  /** full names with digests: under which it can be asked for by digest */
  repoDigests: string[]
  /** names it once had */
  formerNames: string[]
  /** repositories it was pushed to, `quay.io/someone/tool` */
  pushedTo: string[]
  createdMs: number
  sizeBytes: number
  os: string
  architecture: string
  variant?: string
  labels: Record<string, string>
  /** no name leads to it */
  dangling: boolean
}

/** The annotations that tell of an image; `addEntry` takes them. */
export function annotationsOf(image: {
  id: string
  config: ImageConfig
  sizeBytes: number
  pulledAs?: readonly Digest[]
}): Record<string, string> {
  const { id, config, sizeBytes, pulledAs = [] } = image
  const labels = config.config?.Labels ?? {}
  return {
    [annotation.id]: id,
    [annotation.createdMs]: String(createdMs(config)),
    [annotation.sizeBytes]: String(sizeBytes),
    [annotation.platform]: formatPlatform(config),
    ...(Object.keys(labels).length === 0 ? {} : { [annotation.labels]: JSON.stringify(labels) }),
    ...(pulledAs.length === 0 ? {} : { [annotation.pulledAs]: pulledAs.join(' ') }),
  }
}

/** The images of an index, entries of one id together, in the index's order. */
export function imagesOf(root: string, entries: readonly IndexEntry[]): StoredImage[] {
  const images = new Map<string, StoredImage>()
  for (const entry of entries) {
    const told = entry.annotations?.[annotation.id] === undefined ? derive(root, entry) : entry
    if (told === undefined) continue
    const id = told.annotations?.[annotation.id] ?? ''
    const image = images.get(id) ?? blank(id, told)
    images.set(id, image)
    addTo(image, told)
  }
  return [...images.values()]
}

/** The manifest and configuration behind a manifest's digest, both verified. */
export function readImage(
  root: string,
  digest: Digest,
  mediaType?: string,
): { manifest: ImageManifest; config: ImageConfig } {
  const what = `manifest ${digest}`
  const manifest = parseManifest(textOf(readBlob(root, digest, what)), mediaType, what)
  if (manifest.kind === 'index') throw new TspodError('UNSUPPORTED', `${what} is an index of images, not an image`)
  const name = `configuration ${manifest.config.digest}`
  const config = parseImageConfig(textOf(readBlob(root, manifest.config.digest, name)), name, manifest.layers.length)
  return { manifest, config }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function blank(id: string, entry: IndexEntry): StoredImage {
  const notes = entry.annotations ?? {}
  const [os = 'linux', architecture = '', variant] = (notes[annotation.platform] ?? '').split('/')
  return {
    id,
    digest: entry.digest,
    digests: [],
    names: [],
    repoDigests: [],
    formerNames: wordsOf(entry, annotation.formerNames),
    pushedTo: wordsOf(entry, annotation.pushedTo),
    createdMs: Number(notes[annotation.createdMs] ?? 0),
    sizeBytes: Number(notes[annotation.sizeBytes] ?? 0),
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    labels: parseLabels(notes[annotation.labels]),
    dangling: true,
  }
}

function addTo(image: StoredImage, entry: IndexEntry): void {
  if (!image.digests.includes(entry.digest)) image.digests.push(entry.digest)
  const name = nameOf(entry)
  if (name === undefined) return
  image.dangling = false
  const at = name.indexOf('@')
  if (at === -1) image.names.push(name)
  const repository = at === -1 ? name.slice(0, name.lastIndexOf(':')) : name.slice(0, at)
  const asked = at === -1 ? [] : [name.slice(at + 1)]
  for (const digest of new Set([entry.digest, ...wordsOf(entry, annotation.pulledAs), ...asked])) {
    const repoDigest = `${repository}@${digest}`
    if (isDigest(digest) && !image.repoDigests.includes(repoDigest)) image.repoDigests.push(repoDigest)
  }
}

function parseLabels(text: string | undefined): Record<string, string> {
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as Record<string, string>
  } catch {
    return {} // somebody edited the annotation; the configuration still has them
  }
}

/** The entry with the annotations that we would have given it; `undefined` for what is no image of ours to show. */
function derive(root: string, entry: IndexEntry): IndexEntry | undefined {
  if (isIndexType(entry.mediaType)) return undefined
  try {
    const { manifest, config } = readImage(root, entry.digest, entry.mediaType)
    const sizeBytes = manifest.layers.reduce((sum, layer) => sum + layer.size, 0)
    const own = annotationsOf({ id: hexOf(manifest.config.digest), config, sizeBytes })
    return { ...entry, annotations: { ...entry.annotations, ...own } }
  } catch (error) {
    log.debug(`index.json: leaving out ${entry.digest}: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}
