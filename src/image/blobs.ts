// Blobs of the local layout: files named by what they hash to. Host namespaces.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { sha256Hex } from '#host/bun.ts'
import { type Digest, digestOf, hexOf } from '#oci/digest.ts'
import { writeDurably } from './durable-file.ts'
import { blobsFolder } from './layout.ts'

export const digestOfBytes = (data: Uint8Array): Digest => digestOf(sha256Hex(data))

export function blobPath(root: string, digest: Digest): string {
  return join(blobsFolder(root), hexOf(digest))
}

/** Bytes of a stored blob; `undefined` where it is not stored. Reads no content. */
export function blobSize(root: string, digest: Digest): number | undefined {
  const path = blobPath(root, digest)
  try {
    return statSync(path, { throwIfNoEntry: false })?.size
  } catch (error) {
    throw during(`looking at "${path}"`, error)
  }
}

/** A small blob (manifest, configuration), its digest verified. Throws NOT_FOUND, INVALID where it was changed. */
export function readBlob(root: string, digest: Digest, what: string): Uint8Array {
  const path = blobPath(root, digest)
  const hint = 'pull or load the image again; "tspod system check --repair" finds all such damage'
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw during(`reading ${what}`, error)
    throw new TspodError('NOT_FOUND', `${what} is missing from the store: "${path}"`, { hint, cause: error })
  }
  const found = digestOfBytes(bytes)
  if (found !== digest)
    throw new TspodError('INVALID', `${what} is damaged: "${path}" has the digest ${found}`, { hint })
  return bytes
}

/** Stores a small blob under the digest that its bytes have. */
export function writeBlob(root: string, bytes: Uint8Array): Digest {
  const digest = digestOfBytes(bytes)
  if (blobSize(root, digest) !== bytes.byteLength) writeDurably(blobPath(root, digest), bytes)
  return digest
}
