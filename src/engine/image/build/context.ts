// The context of a build: a folder that is read in place, and what its ignore file leaves out.
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { ignoreRules, parseIgnore } from '#build/context/ignore.ts'
import type { BuildRequest, ContextRequest } from '#engine/contracts/build.ts'
import { standardInput } from '#engine/image/archive-input.ts'
import { during, errnoOf, TspodError } from '#errors.ts'

export interface OpenContext {
  /** as it is, with nothing left out */
  folder: string
  ignore: string[]
}

export interface OpenBuildFile {
  /** as errors call it */
  name: string
  text: string
}

/** Opens the context and finds the Containerfile. `scratch` is an empty folder. */
export async function openBuildContext(
  request: BuildRequest,
  scratch: string,
): Promise<{ context: OpenContext; file: OpenBuildFile }> {
  const folder = await contextFolder(request.context, scratch)
  const file = await buildFile(request, folder)
  const ignore = readIgnore(request, folder, file.path)
  try {
    ignoreRules(ignore)
  } catch (error) {
    throw during('reading the ignore file', error)
  }
  return { context: { folder, ignore }, file }
}

/** The folder of a context; what is fetched or unpacked for it lies in `scratch`, a folder of its own. */
export async function contextFolder(context: ContextRequest, scratch: string): Promise<string> {
  switch (context.kind) {
    case 'folder': {
      const path = resolve(context.path)
      const facts = statSync(path, { throwIfNoEntry: false })
      if (facts === undefined)
        throw new TspodError('NOT_FOUND', `the context "${context.path}" does not exist: no such file or directory`)
      if (!facts.isDirectory())
        throw new TspodError('INVALID', `the context "${context.path}" is not a directory`, {
          hint: 'a Containerfile is named with -f, the context is the folder it copies from',
        })
      return path
    }
    case 'none':
      return emptyFolder(scratch)
    case 'archive':
      return await unpackContext(context, emptyFolder(scratch))
    case 'git':
      return (await import('./git.ts')).cloneRepository(context.url, join(scratch, 'git'))
  }
}

function emptyFolder(scratch: string): string {
  const path = join(scratch, 'context')
  mkdirSync(path, { mode: 0o700 })
  return path
}

async function unpackContext({ input }: Extract<ContextRequest, { kind: 'archive' }>, folder: string): Promise<string> {
  const archive = await import('#build/context/archive.ts')
  const { createReadStream, writeFileSync } = await import('node:fs')
  const stream =
    input.kind === 'stream'
      ? standardInput()
      : input.kind === 'url'
        ? await (await import('#image/download.ts')).download(new URL(input.url))
        : (createReadStream(input.path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>)
  const shown = input.kind === 'stream' ? 'standard input' : input.kind === 'url' ? input.url : input.path
  const left = await archive.unpackContext(stream, folder).catch((error: unknown) => {
    throw during(`unpacking the context from ${shown}`, error)
  })
  // `build -`, and a URL of a text: the stream was the Containerfile itself
  if (left !== undefined) writeFileSync(join(folder, 'Containerfile'), left)
  return folder
}

async function buildFile({ files }: BuildRequest, folder: string): Promise<OpenBuildFile & { path?: string }> {
  if (files.length === 0) {
    const found = ['Containerfile', 'Dockerfile'].find(name => existsSync(join(folder, name)))
    if (found === undefined)
      throw new TspodError('NOT_FOUND', `no Containerfile or Dockerfile in the context "${folder}"`, {
        hint: 'name it with -f, or make one',
      })
    return readBuildFile(join(folder, found), found)
  }
  const parts: (OpenBuildFile & { path?: string })[] = []
  for (const file of files) {
    if (file === '-') parts.push({ name: '-', text: await readStandardInput() })
    else if (/^https?:\/\//.test(file)) parts.push({ name: file, text: await readUrl(file) })
    else parts.push(readBuildFile(findFile(file, folder), file))
  }
  const [first] = parts
  if (first === undefined || parts.length === 1) return first ?? { name: '', text: '' }
  return { ...first, text: parts.map(({ text }) => text).join('\n') }
}

/** In the current folder, or in the context, as podman looks. */
function findFile(file: string, folder: string): string {
  const here = resolve(file)
  if (existsSync(here) || isAbsolute(file)) return here
  const inContext = join(folder, file)
  return existsSync(inContext) ? inContext : here
}

function readBuildFile(path: string, name: string): OpenBuildFile & { path: string } {
  try {
    return { name, path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new TspodError('NOT_FOUND', `the Containerfile "${name}" does not exist: no such file or directory`)
    throw during(`reading the Containerfile "${name}"`, error)
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of standardInput()) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

async function readUrl(url: string): Promise<string> {
  const { download } = await import('#image/download.ts')
  const chunks: Uint8Array[] = []
  for await (const chunk of await download(new URL(url))) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** `--ignorefile`, or the one beside the Containerfile that has its name, or the context's. */
function readIgnore({ ignoreFile }: BuildRequest, folder: string, file: string | undefined): string[] {
  if (ignoreFile !== undefined) return parseIgnore(readIgnoreFile(ignoreFile, true) ?? '')
  const own =
    file === undefined
      ? []
      : ['containerignore', 'dockerignore'].map(end => join(dirname(file), `${basename(file)}.${end}`))
  for (const path of [...own, join(folder, '.containerignore'), join(folder, '.dockerignore')]) {
    const text = readIgnoreFile(path, false)
    if (text !== undefined) return parseIgnore(text)
  }
  return []
}

function readIgnoreFile(path: string, isWanted: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && !isWanted) return undefined
    throw during(`reading the ignore file "${path}"`, error)
  }
}
