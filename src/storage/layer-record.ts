// layer.json: what is known of an unpacked layer besides its files.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import type { ChainId, Digest } from '#oci/digest.ts'

export interface LayerRecord {
  diffId: Digest
  parent?: ChainId
  /** bytes of the files' contents */
  sizeBytes: number
  /** bytes of its archive, uncompressed */
  archiveBytes: number
  /** how many entries its archive had */
  entries: number
  /** paths of device nodes that the kernel did not let us make */
  skippedDevices: string[]
  /** names of extended attributes that it did not let us set */
  skippedAttributes: string[]
  /** folders that the archive did not list: made with mode 755, and given the lower layer's attributes on commit */
  impliedFolders: string[]
  /** one-id mapping: files whose owner could not be given are listed in `owners` beside this file */
  hasOwners: boolean
}

/** One line of `owners`: the owner that a file has in its archive. */
export interface RecordedOwner {
  path: string
  uid: number
  gid: number
}

/** The record in a layer's folder; `undefined` where there is none or it cannot be read as one. */
export function readLayerRecord(folder: string): LayerRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'layer.json'), 'utf8')) as LayerRecord
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
