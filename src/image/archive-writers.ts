// Files on their way into a tar stream or a folder. Host namespaces.
import { mkdirSync, renameSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { during, TspodError } from '#errors.ts'
import type { FileWriter } from './archive-write.ts'
import { syncFolder } from './durable-file.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

/** Takes bytes in order; resolves when more may come. */
export type WriteBytes = (chunk: Uint8Array) => Promise<void>

/** A tar archive: the same files make the same bytes, whoever writes them and when. */
export function tarStreamWriter(description: string, write: WriteBytes): FileWriter {
  const folders = new Set<string>()
  return {
    description,
    async write(name, size, chunks) {
      for (const folder of foldersOf(name)) {
        if (folders.has(folder)) continue
        folders.add(folder)
        await write(headerOf(folder, 0, true))
      }
      await write(headerOf(name, size))
      let written = 0
      for await (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) {
        written += chunk.byteLength
        await write(chunk)
      }
      if (written !== size)
        throw new TspodError('INTERNAL', `writing ${description}: "${name}" has ${written} bytes, wanted ${size}`)
      if (size % 512 !== 0) await write(tarPadding(size))
    },
    finish: async () => await write(tarEnd),
    async [Symbol.asyncDispose]() {},
  }
}

/** `a/b/c` → `a`, `a/b`: tools that unpack such archives as ordinary users want the folders listed. */
function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

function headerOf(name: string, size: number, isFolder = false): Buffer {
  return tarHeader({
    type: isFolder ? 'directory' : 'file',
    path: name,
    linkPath: '',
    mode: isFolder ? 0o755 : 0o444,
    uid: 0,
    gid: 0,
    userName: '',
    groupName: '',
    size,
    modified: { seconds: 0, nanoseconds: 0 },
    deviceMajor: 0,
    deviceMinor: 0,
  })
}

/** A tar archive in a file, which appears under its name when it is complete. A pipe or device is written as it comes. */
export async function tarFileWriter(path: string): Promise<FileWriter> {
  const description = `archive "${path}"`
  const isPlain = !(await isSpecial(path))
  const unfinished = isPlain ? `${path}.${process.pid}.tmp` : path
  const file = await open(unfinished, 'w', 0o644).catch((error: unknown) => {
    throw during(`writing ${description}`, error)
  })
  let isDone = false
  const inner = tarStreamWriter(description, async chunk => {
    await file.writeFile(chunk).catch((error: unknown) => {
      throw during(`writing ${description}`, error)
    })
  })
  return {
    ...inner,
    async finish() {
      await inner.finish()
      if (isPlain) await file.sync()
      await file.close()
      if (isPlain) renameSync(unfinished, path)
      isDone = true
    },
    async [Symbol.asyncDispose]() {
      if (isDone) return
      await file.close()
      if (isPlain) await rm(unfinished, { force: true })
    },
  }
}

async function isSpecial(path: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises')
  const facts = await stat(path).catch(() => undefined) // absent, or closed to us: opening it says so
  return facts !== undefined && !facts.isFile()
}

/** Files in a folder, which is made where it is missing and must be empty. */
export function folderWriter(folder: string): FileWriter {
  const description = `folder "${folder}"`
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw during(`writing ${description}`, error)
  }
  return {
    description,
    async write(name, _size, chunks) {
      const path = join(folder, name)
      try {
        mkdirSync(dirname(path), { recursive: true })
        await using file = await open(path, 'w', 0o644)
        for await (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) await file.writeFile(chunk)
        await file.sync()
      } catch (error) {
        throw during(`writing "${path}"`, error)
      }
    },
    async finish() {
      syncFolder(folder)
    },
    async [Symbol.asyncDispose]() {},
  }
}
