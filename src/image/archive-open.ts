// Opens what `load` is given: a docker or OCI archive, compressed or not, from a file or a stream, or a folder. Host namespaces.
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { during, errnoOf, TspodError } from '#errors.ts'
import { sniffCompression } from '#oci/media-types.ts'
import { type ArchiveFiles, folderHolds, openFolderFiles } from './archive-files.ts'
import type { ArchivedImage } from './archive-image.ts'
import { openArchiveFiles } from './archive-index.ts'
import { decompress } from './decompress.ts'

export interface ImageArchive extends AsyncDisposable {
  readonly description: string
  /** what policy.json calls this kind of archive */
  readonly transport: 'docker-archive' | 'oci-archive' | 'oci' | 'dir'
  images: ArchivedImage[]
}

/** Opens a file or folder. `scratch` is an empty folder for what must be decompressed first. Throws INVALID, UNSUPPORTED. */
export async function openImageArchive(path: string, scratch: string): Promise<ImageArchive> {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts === undefined) throw new TspodError('NOT_FOUND', `opening "${path}": no such file or directory`)
  if (facts.isDirectory()) return await openFolder(path)
  const compression = compressionOf(headOf(path), path)
  if (compression === 'none' && facts.isFile()) return await openArchive(path, path)
  const source = (await open(path)).createReadStream({ highWaterMark: 1 << 20 })
  return await openArchive(await spool(source, scratch, path), path)
}

/** Opens an archive that comes as a stream: it is written to `scratch` first, since its table of contents may be anywhere in it. */
export async function openImageStream(stream: AsyncIterable<Uint8Array>, scratch: string): Promise<ImageArchive> {
  return await openArchive(await spool(stream, scratch, 'standard input'), 'standard input')
}

async function openFolder(folder: string): Promise<ImageArchive> {
  const files = openFolderFiles(folder)
  if (folderHolds(folder, 'index.json')) return { ...(await archiveOf(files, 'oci')), transport: 'oci' }
  if (folderHolds(folder, 'version') && folderHolds(folder, 'manifest.json')) return await archiveOf(files, 'dir')
  throw new TspodError('INVALID', `folder "${folder}" holds no image`, {
    hint: 'an OCI layout has a file index.json, a folder of the dir: transport has version and manifest.json',
  })
}

async function openArchive(path: string, shownAs: string): Promise<ImageArchive> {
  const files = openArchiveFiles(path, shownAs)
  try {
    // archives of newer tools are both: OCI's part is the one that keeps digests
    if (files.sizeOf('index.json') !== undefined && files.sizeOf('oci-layout') !== undefined)
      return await archiveOf(files, 'oci')
    if (files.sizeOf('manifest.json') !== undefined) return await archiveOf(files, 'docker')
    throw new TspodError('INVALID', `${files.description} holds no image`, {
      hint: 'it has neither index.json (OCI) nor manifest.json (docker); "tspod import" takes an archive of a root file system',
    })
  } catch (error) {
    await files[Symbol.asyncDispose]()
    throw error
  }
}

async function archiveOf(files: ArchiveFiles, kind: 'oci' | 'docker' | 'dir'): Promise<ImageArchive> {
  const images = await readImages(files, kind)
  if (images.length === 0) throw new TspodError('INVALID', `${files.description} holds no image`)
  return {
    description: files.description,
    transport: kind === 'dir' ? 'dir' : `${kind}-archive`,
    images,
    [Symbol.asyncDispose]: async () => await files[Symbol.asyncDispose](),
  }
}

async function readImages(files: ArchiveFiles, kind: 'oci' | 'docker' | 'dir'): Promise<ArchivedImage[]> {
  if (kind === 'dir') return (await import('./archive-dir.ts')).readDirImage(files)
  if (kind === 'oci') return await (await import('./archive-oci.ts')).readOciLayout(files)
  return await (await import('./archive-docker.ts')).readDockerArchive(files)
}

/** How an archive is compressed, by its first bytes. Throws UNSUPPORTED for what we do not read. */
export function compressionOf(head: Uint8Array, shownAs: string): 'gzip' | 'zstd' | 'none' {
  const magic = Buffer.from(head).toString('latin1')
  const [name, program] = magic.startsWith('\xfd7zXZ\0')
    ? ['xz', 'xz']
    : magic.startsWith('BZh')
      ? ['bzip2', 'bzip2']
      : []
  if (name === undefined) return sniffCompression(head)
  throw new TspodError('UNSUPPORTED', `reading "${shownAs}": it is compressed with ${name}, which is not supported`, {
    hint: `decompress it first: ${program} -dc ${shownAs === 'standard input' ? 'FILE' : `"${shownAs}"`} | tspod …`,
  })
}

function headOf(path: string): Uint8Array {
  try {
    const fd = openSync(path, 'r')
    try {
      const head = Buffer.alloc(8)
      // a pipe's bytes cannot be read twice: it is looked at while it is copied
      return statSync(path).isFile() ? head.subarray(0, readSync(fd, head, 0, 8, 0)) : head
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw during(`opening "${path}"`, error)
  }
}

/** Writes a stream, decompressed, to a file in `scratch`; returns its path. */
export async function spool(stream: AsyncIterable<Uint8Array>, scratch: string, shownAs: string): Promise<string> {
  const path = join(scratch, 'archive')
  await using file = await open(path, 'wx', 0o600)
  const { first, all } = await peek(stream)
  try {
    for await (const chunk of decompress(all, compressionOf(first, shownAs))) await file.appendFile(chunk)
  } catch (error) {
    throw errnoOf(error) === undefined ? error : during(`writing what comes from "${shownAs}" to "${path}"`, error)
  }
  return path
}

/** The first bytes (at least 8 where there are as many) of a stream, and all of it. */
export async function peek(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ first: Uint8Array; all: AsyncIterable<Uint8Array> }> {
  const iterator = stream[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array()
  let isDone = false
  while (first.byteLength < 8 && !isDone) {
    const next = await iterator.next()
    isDone = next.done === true
    if (next.done !== true) first = Buffer.concat([first, next.value])
  }
  async function* all(): AsyncIterable<Uint8Array> {
    yield first
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) return
      yield next.value
    }
  }
  return { first, all: all() }
}
