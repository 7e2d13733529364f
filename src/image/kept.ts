// What the store keeps besides images: layers and blobs that records of the build cache name. Host namespaces.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import type { ChainId, Digest } from '#oci/digest.ts'
import { listNames } from './lease.ts'

/** Records of the build cache, one file for each step. */
export const keptFolder = (root: string): string => join(root, 'build', 'cache')

/** The chains and blobs that no sweep may remove. One that cannot be read keeps nothing: its step is made again. */
export function readKept(root: string): Set<string> {
  const kept = new Set<string>()
  const folder = keptFolder(root)
  for (const name of listNames(folder)) {
    if (!name.endsWith('.json')) continue
    try {
      const record = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        chain?: ChainId[]
        layer?: { descriptor?: { digest?: Digest } }
      }
      for (const chainId of record.chain ?? []) kept.add(chainId)
      const digest = record.layer?.descriptor?.digest
      if (digest !== undefined) kept.add(digest)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && !(error instanceof SyntaxError)) throw error
    }
  }
  return kept
}
