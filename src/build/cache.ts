// What builds remember: for each step by the content it was made from, the layer it made. Host namespaces.
//
// A record is one small file, written whole and replaced by rename, so that two builds at once can only find it or not. Its layer is
// checked on every use; a record whose layer is gone counts for nothing. Which layers and blobs records need is asked by whoever
// sweeps the store (image/kept.ts).
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { keptFolder } from '#image/kept.ts'
import type { Descriptor } from '#oci/descriptor.ts'
import type { ChainId, Digest } from '#oci/digest.ts'

/** A layer of an image on its way. */
export interface BuiltLayer {
  diffId: Digest
  descriptor: Descriptor
  sizeBytes: number
}

export interface CacheRecord {
  version: 1
  /** all layers from the lowest, with this step's; as it was before where the step made none */
  chain: ChainId[]
  /** absent for a step that changed no file */
  layer?: BuiltLayer
  createdMs: number
  /** for people who look: the instruction */
  shown: string
}

/** A key of content: whatever decides what a step makes, in any shape that JSON has. */
export function cacheKey(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

export class BuildCache {
  readonly #folder: string

  constructor(graphRoot: string) {
    this.#folder = keptFolder(graphRoot)
  }

  /** The record of a key, and a note that it was used. `newerThanMs`: older ones count for nothing. */
  find(key: string, newerThanMs = 0): CacheRecord | undefined {
    const path = this.#path(key)
    let record: CacheRecord
    try {
      record = JSON.parse(readFileSync(path, 'utf8')) as CacheRecord
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
    if (record.version !== 1 || record.createdMs < newerThanMs) return undefined
    try {
      const now = new Date()
      utimesSync(path, now, now)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    return record
  }

  put(key: string, record: CacheRecord): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const path = this.#path(key)
    const staged = `${path}.${process.pid}.tmp`
    try {
      writeFileSync(staged, JSON.stringify(record), { mode: 0o600 })
      renameSync(staged, path)
    } catch (error) {
      rmSync(staged, { force: true })
      throw error
    }
  }

  /** Removes all records; how many there were. */
  clear(): number {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : []
    for (const name of names) rmSync(join(this.#folder, name), { force: true })
    return names.length
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.json`)
  }
}
