// The store's images as a standard OCI image layout (image-spec image-layout.md): oci-layout, index.json, blobs/sha256. Host namespaces.
// index.json also keeps, as annotations, what a list of images shows, so that a list reads one file however many there are.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { type Descriptor, parseDescriptor } from '#oci/descriptor.ts'
import { isDigest } from '#oci/digest.ts'
import { parseJson } from '#oci/manifest.ts'
import { ociIndex } from '#oci/media-types.ts'
import { writeDurably } from './durable-file.ts'

/** Our annotations of an entry, besides the standard `org.opencontainers.image.ref.name` (one entry for each name). */
export const annotation = {
  name: 'org.opencontainers.image.ref.name',
  /** the image's id: 64 digits */
  id: 'io.tspod.image.id',
  createdMs: 'io.tspod.image.created-ms',
  /** bytes of the unpacked files */
  sizeBytes: 'io.tspod.image.size',
  /** `linux/arm64` */
  platform: 'io.tspod.image.platform',
  /** a JSON object; absent where there are none */
  labels: 'io.tspod.image.labels',
  /** digests of the indexes that this manifest was found through, separated by spaces */
  pulledAs: 'io.tspod.image.pulled-as',
  /** repositories it was pushed to, with their registries, separated by spaces */
  pushedTo: 'io.tspod.image.pushed-to',
  /** of a manifest list: where members are whose layers are not here, a JSON object */
  sources: 'io.tspod.list.sources',
  /** full names it once had, separated by spaces */
  formerNames: 'io.tspod.image.former-names',
} as const

/** One line of index.json. */
export type IndexEntry = Descriptor

export const blobsFolder = (root: string): string => join(root, 'blobs', 'sha256')
export const lockFile = (root: string): string => join(root, 'locks', 'images')

/** The entries of index.json; none where there is no store yet. Takes no lock: the file is replaced in one step. */
export function readIndex(root: string): IndexEntry[] {
  const path = join(root, 'index.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw during(`reading "${path}"`, error)
  }
  const hint = '"tspod system check --repair" finds the images again'
  try {
    const index = parseJson(text, `"${path}"`) as { manifests?: unknown } | null
    if (!Array.isArray(index?.manifests)) throw new TspodError('INVALID', `"${path}" has no list "manifests"`)
    const entries = index.manifests as IndexEntry[]
    // 500 entries are checked on every start of a container: only what could do harm is looked at
    if (!entries.every(isSound))
      return entries.map((each, position) => parseDescriptor(each, `"${path}": manifests[${position}]`))
    return entries
  } catch (error) {
    if (error instanceof TspodError) throw new TspodError('INVALID', error.message, { hint, cause: error })
    throw error
  }
}

function isSound(entry: IndexEntry | null): boolean {
  return isDigest(entry?.digest) && typeof entry.mediaType === 'string' && Number.isSafeInteger(entry.size)
}

/** Replaces index.json. The caller holds the store's lock. */
export function writeIndex(root: string, entries: readonly IndexEntry[]): void {
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: entries }
  writeDurably(join(root, 'index.json'), JSON.stringify(index))
}

/** Makes the folders of a layout where they are missing. */
export function ensureLayout(root: string): void {
  try {
    for (const folder of [
      blobsFolder(root),
      join(root, 'locks'),
      join(root, 'tmp', 'partial'),
      join(root, 'tmp', 'leases'),
    ])
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    const marker = join(root, 'oci-layout')
    if (!isFile(marker)) writeDurably(marker, '{"imageLayoutVersion":"1.0.0"}')
  } catch (error) {
    throw during(`preparing the store "${root}"`, error)
  }
}

function isFile(path: string): boolean {
  try {
    readFileSync(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}
