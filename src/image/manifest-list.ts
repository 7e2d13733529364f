// Lists of images for several platforms, as the store keeps them: an OCI index among the blobs, an entry of index.json with its name,
// and beside it where members came from whose layers are not here. Host namespaces.
import { TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { Digest } from '#oci/digest.ts'
import { type ImageIndex, parseManifest } from '#oci/manifest.ts'
import { isIndexType, ociIndex } from '#oci/media-types.ts'
import { type Platform, parsePlatform } from '#oci/platform.ts'
import { digestOfBytes, readBlob, writeBlob } from './blobs.ts'
import { nameOf } from './index-edits.ts'
import { annotation, type IndexEntry, readIndex } from './layout.ts'
import { fullTagName, type ImageStore } from './store.ts'

export interface ManifestList {
  /** full name, with tag */
  name: string
  digest: Digest
  index: ImageIndex
  /** members that are at a registry: their full repository names, by digest */
  sources: Record<string, string>
}

/** What a member is to be; absent fields stay. */
export interface MemberFacts {
  os?: string
  architecture?: string
  variant?: string
  osVersion?: string
  osFeatures?: string[]
  features?: string[]
  annotations?: Record<string, string>
}

/** The list of this name; `undefined` for none, and for digests and ids. */
export function findList(root: string, text: string): ManifestList | undefined {
  if (text.includes('@') || /^(sha256:)?[0-9a-f]{64}$/.test(text)) return undefined
  const name = fullTagName(text.replace(/^docker:\/\//, ''))
  const entry = readIndex(root).find(each => isIndexType(each.mediaType) && nameOf(each) === name)
  return entry && openList(root, name, entry)
}

/** As `findList`; throws NOT_FOUND in podman's words. */
export function requireList(root: string, text: string): ManifestList {
  const list = findList(root, text)
  if (list !== undefined) return list
  throw new TspodError('NOT_FOUND', `${text}: no such manifest list`, { hint: `tspod manifest create ${text}` })
}

function openList(root: string, name: string, entry: IndexEntry): ManifestList {
  const what = `manifest list "${name}"`
  const index = parseManifest(new TextDecoder().decode(readBlob(root, entry.digest, what)), entry.mediaType, what)
  if (index.kind !== 'index') throw new TspodError('INVALID', `${what} is an image`)
  const sources = JSON.parse(entry.annotations?.[annotation.sources] ?? '{}') as Record<string, string>
  return { name, digest: entry.digest, index, sources }
}

/** Stores a list, in place of the one that has its name. */
export async function writeList(store: ImageStore, list: Omit<ManifestList, 'digest'>): Promise<Digest> {
  const bytes = formatIndex(list.index)
  const digest = digestOfBytes(bytes)
  const descriptor = { mediaType: list.index.mediaType, digest, size: bytes.byteLength }
  const members = new Set<string>(list.index.manifests.map(member => member.digest))
  const sources = Object.fromEntries(Object.entries(list.sources).filter(([member]) => members.has(member)))
  await store.putList(list.name, descriptor, JSON.stringify(sources), () => {
    writeBlob(store.root, bytes)
  })
  return digest
}

/** The bytes of an index; the same value always makes the same bytes. */
export function formatIndex({ mediaType, manifests, annotations }: ImageIndex): Uint8Array {
  const value = { schemaVersion: 2, mediaType, manifests, ...(annotations === undefined ? {} : { annotations }) }
  return new TextEncoder().encode(JSON.stringify(value))
}

export const emptyIndex = (): ImageIndex => ({ kind: 'index', mediaType: ociIndex, manifests: [] })

/** The list with a member more; one with the same digest is replaced. Pure. */
export function withMember({ manifests, ...rest }: ImageIndex, member: Descriptor): ImageIndex {
  return { ...rest, manifests: [...manifests.filter(({ digest }) => digest !== member.digest), member] }
}

/** A member with other facts. Pure; throws INVALID for a platform that is none. */
export function describeMember(member: Descriptor, facts: MemberFacts): Descriptor {
  const { os, architecture, variant, osVersion, osFeatures, features, annotations } = facts
  const before = member.platform ?? { os: 'linux', architecture: 'amd64' }
  const changed = [
    os ?? before.os,
    architecture ?? before.architecture,
    variant ?? (architecture === undefined ? before.variant : undefined),
  ]
  const platform: Platform & { features?: string[] } = {
    ...before,
    ...parsePlatform(changed.filter(part => part !== undefined && part !== '').join('/'), before),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(osFeatures === undefined ? {} : { 'os.features': osFeatures }),
    ...(features === undefined ? {} : { features }),
  }
  return {
    ...member,
    platform,
    ...(annotations === undefined ? {} : { annotations: { ...member.annotations, ...annotations } }),
  }
}
