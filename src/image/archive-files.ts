// The files of an image archive, wherever they lie: in a folder, or in a tar file that was indexed. Host namespaces.
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { largestManifestBytes } from '#oci/manifest.ts'

/** Files by the names that archives use, `blobs/sha256/…`; names never lead outside. */
export interface ArchiveFiles extends AsyncDisposable {
  /** what to call it in errors: `archive "x.tar"` */
  readonly description: string
  /** `undefined` where there is no such file */
  sizeOf(name: string): number | undefined
  open(name: string, offset?: number): AsyncIterable<Uint8Array>
}

/** A small file as text. Throws NOT_FOUND, INVALID for one that is no small file. */
export async function readSmallFile(files: ArchiveFiles, name: string): Promise<string> {
  return new TextDecoder().decode(await readSmallBytes(files, name))
}

/** The same as bytes. */
export async function readSmallBytes(files: ArchiveFiles, name: string): Promise<Uint8Array> {
  const size = files.sizeOf(name)
  if (size === undefined) throw new TspodError('NOT_FOUND', `${files.description} has no file "${name}"`)
  if (size > largestManifestBytes)
    throw new TspodError(
      'INVALID',
      `${files.description}: "${name}" has ${size} bytes, at most ${largestManifestBytes}`,
    )
  const parts: Uint8Array[] = []
  for await (const part of files.open(name)) parts.push(part)
  return Buffer.concat(parts)
}

/** The files below a folder of this machine. */
export function openFolderFiles(folder: string): ArchiveFiles {
  const pathOf = (name: string): string => {
    if (name.split('/').some(part => part === '' || part === '.' || part === '..'))
      throw new TspodError('INVALID', `folder "${folder}" names a file "${name}", which would lie outside`)
    return join(folder, name)
  }
  return {
    description: `folder "${folder}"`,
    sizeOf(name) {
      try {
        const facts = statSync(pathOf(name))
        return facts.isFile() ? facts.size : undefined
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
        throw during(`looking at "${pathOf(name)}"`, error)
      }
    },
    open: (name, offset = 0) => createReadStream(pathOf(name), { start: offset, highWaterMark: 1 << 20 }),
    async [Symbol.asyncDispose]() {},
  }
}

/** True for a folder that holds this file. */
export function folderHolds(folder: string, name: string): boolean {
  try {
    readFileSync(join(folder, name), { flag: 'r' })
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
    throw during(`reading "${join(folder, name)}"`, error)
  }
}
