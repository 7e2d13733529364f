// Compares index.json with the blobs and mends what can be mended. Host namespaces.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { during, TspodError } from '#errors.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import { type Digest, digestOf, hexOf } from '#oci/digest.ts'
import { parseManifest } from '#oci/manifest.ts'
import { blobPath, blobSize, readBlob } from './blobs.ts'
import { removeIfThere } from './durable-file.ts'
import { withImagesLocked } from './garbage.ts'
import { addEntry, nameOf, removeManifests } from './index-edits.ts'
import { blobsFolder, ensureLayout, type IndexEntry, readIndex, writeIndex } from './layout.ts'
import { listNames } from './lease.ts'
import { annotationsOf, readImage } from './stored-image.ts'

export interface ImageProblem {
  kind: 'image' | 'index' | 'blob'
  /** full name, digest or path */
  id: string
  /** what is wrong, and what was found */
  problem: string
  repaired: boolean
}

export interface ImageCheckOptions {
  /** sizes only: contents are not hashed */
  quick: boolean
  /** Damaged blobs are removed, and images that lack one taken out of the index: they can be pulled again. */
  repair: boolean
}

/** Every image's manifest, configuration and layers: there, of the right size, and (unless quick) of the right digest. */
export async function checkImages(root: string, options: ImageCheckOptions): Promise<ImageProblem[]> {
  const problems: ImageProblem[] = []
  const index = await readOrRebuild(root, options, problems)
  const known = new Map<Digest, string | undefined>()
  const damaged = new Set<Digest>()
  for (const entry of index) {
    const faults = await faultsOf(root, entry, options.quick, known)
    for (const problem of faults)
      problems.push({ kind: 'image', id: nameOf(entry) ?? entry.digest, problem, repaired: options.repair })
    if (faults.length > 0) damaged.add(entry.digest)
  }
  if (options.repair && damaged.size > 0)
    await withImagesLocked(root, () => {
      for (const [digest, fault] of known) if (fault !== undefined) removeIfThere(blobPath(root, digest))
      writeIndex(root, removeManifests(readIndex(root), damaged))
    })
  return problems
}

/** What is wrong with the blobs of one image; `known` remembers those looked at. */
async function faultsOf(
  root: string,
  entry: IndexEntry,
  quick: boolean,
  known: Map<Digest, string | undefined>,
): Promise<string[]> {
  const faults: string[] = []
  const look = async (descriptor: Descriptor, what: string) => {
    if (!known.has(descriptor.digest)) known.set(descriptor.digest, await blobFault(root, descriptor, quick))
    const fault = known.get(descriptor.digest)
    if (fault !== undefined) faults.push(`${what} ${descriptor.digest} ${fault}`)
  }
  await look(entry, 'manifest')
  if (faults.length > 0) return faults
  try {
    const what = `manifest ${entry.digest}`
    const manifest = parseManifest(new TextDecoder().decode(readBlob(root, entry.digest, what)), entry.mediaType, what)
    if (manifest.kind === 'index') return faults
    await look(manifest.config, 'configuration')
    for (const layer of manifest.layers) await look(layer, 'layer')
    if (faults.length === 0) readImage(root, entry.digest, entry.mediaType)
  } catch (error) {
    if (!(error instanceof TspodError)) throw error
    faults.push(error.message)
  }
  return faults
}

async function blobFault(root: string, { digest, size }: Descriptor, quick: boolean): Promise<string | undefined> {
  const found = blobSize(root, digest)
  if (found === undefined) return 'is missing'
  if (found !== size) return `has ${found} bytes, must have ${size}`
  if (quick) return undefined
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(blobPath(root, digest), { highWaterMark: 1 << 20 }))
      hash.update(chunk as Uint8Array)
  } catch (error) {
    throw during(`reading "${blobPath(root, digest)}"`, error)
  }
  const hex = hash.digest('hex')
  return hex === hexOf(digest) ? undefined : `has the digest sha256:${hex}`
}

/** An unreadable index.json is replaced by one made from the manifests among the blobs; names are lost with it. */
async function readOrRebuild(
  root: string,
  { repair }: ImageCheckOptions,
  problems: ImageProblem[],
): Promise<IndexEntry[]> {
  try {
    return readIndex(root)
  } catch (error) {
    if (!(error instanceof TspodError) || error.code !== 'INVALID') throw error
    problems.push({ kind: 'index', id: `${root}/index.json`, problem: error.message, repaired: repair })
  }
  if (!repair) return []
  return await withImagesLocked(root, () => {
    ensureLayout(root)
    let entries: IndexEntry[] = []
    for (const name of listNames(blobsFolder(root))) {
      const image = /^[a-f0-9]{64}$/.test(name) ? imageAt(root, digestOf(name)) : undefined
      if (image !== undefined) entries = addEntry(entries, { ...image, names: [] })
    }
    writeIndex(root, entries)
    return entries
  })
}

/** The index entry for a blob that is an image's manifest; `undefined` for any other blob. */
function imageAt(
  root: string,
  digest: Digest,
): { descriptor: IndexEntry; annotations: Record<string, string> } | undefined {
  const size = blobSize(root, digest)
  if (size === undefined || size > 1 << 20) return undefined
  try {
    const { manifest, config } = readImage(root, digest)
    const sizeBytes = manifest.layers.reduce((sum, layer) => sum + layer.size, 0)
    return {
      descriptor: { mediaType: manifest.mediaType, digest, size },
      annotations: annotationsOf({ id: hexOf(manifest.config.digest), config, sizeBytes }),
    }
  } catch (error) {
    if (error instanceof TspodError) return undefined
    throw error
  }
}
