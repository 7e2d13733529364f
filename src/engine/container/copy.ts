// cp: files between containers, running or not, and this machine, or a tar stream. Both ends speak tar; a container's end is a worker
// that sees its root, so that no link in it leads anywhere else.
import { write as writeFd } from 'node:fs'
import { basename, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readRecord } from '#container/record.ts'
import type { CopyEnd, CopyRequest } from '#engine/contracts/container.ts'
import type { WriteChunk } from '#engine/contracts/image.ts'
import { standardInput } from '#engine/image/archive-input.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, errnoOf, TspodError } from '#errors.ts'
import {
  meansContents,
  meansFolder,
  openCopySource,
  openMachineRoot,
  type Placement,
  PlacingSink,
  sourceName,
} from '#image/copy-place.ts'
import { Packer } from '#image/pack.ts'
import { TarReader } from '#image/tar-reader.ts'
import { readRootWorker, startRootWorker } from '#storage/root-worker.ts'
import type { Worker } from '#userns/worker.ts'
import { accessRoot } from './root-access.ts'
import { findOne } from './select.ts'

const writeAsync = promisify(writeFd)

type ContainerEnd = Extract<CopyEnd, { kind: 'container' }>

/** The verb. */
export async function copyFiles(request: CopyRequest): Promise<void> {
  const { destination } = request
  const source = request.source.kind === 'local' && request.source.path === '/dev/stdin' ? streamEnd : request.source
  const isToStream =
    destination.kind === 'stream' || (destination.kind === 'local' && destination.path === '/dev/stdout')
  const engine = await openEngine()
  if (isToStream) return await fromSource(engine, source, basename(pathOf(source)) || '.', writeOut)
  const placement = placementOf(engine, { ...request, source })
  if (destination.kind === 'container')
    await intoContainer(
      engine,
      destination,
      placement,
      async write => await fromSource(engine, source, sourceName, write),
    )
  else await intoMachine(placement, async write => await fromSource(engine, source, sourceName, write))
}

const streamEnd: CopyEnd = { kind: 'stream' }

const pathOf = (end: CopyEnd): string => (end.kind === 'stream' ? '' : end.path)

/** A container's path as its root folder has it; it may be given without the first slash. */
const absolute = (path: string): string => (path.startsWith('/') ? path : `/${path}`)

async function writeOut(chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; )
    done += (await writeAsync(1, chunk, done, chunk.byteLength - done)).bytesWritten
}

/** Which names and owners the files get. */
function placementOf(engine: Engine, { source, destination, archive, overwrite }: CopyRequest): Placement {
  const from = pathOf(source)
  const isLocal = destination.kind === 'local'
  const typed = pathOf(destination)
  const shownAs = destination.kind === 'container' ? `${destination.container}:${typed}` : typed
  // a path's final slash matters, and resolve() takes it away
  const path = isLocal ? `${resolve(typed)}${meansFolder(typed) ? '/' : ''}` : absolute(typed)
  const contentsOnly = meansContents(from) || /^(\/|\.\.)*\/?$/.test(from)
  const common = {
    path,
    shownAs,
    base: basename(resolve('/', from)),
    contentsOnly,
    isStream: source.kind === 'stream',
    overwrite,
  }
  if (destination.kind !== 'container') return { ...common, owners: 'ignore' }
  const { user } = readRecord(engine.graphRoot, findOne(engine, destination.container))
  const root = { uid: 0, gid: 0 }
  return { ...common, owners: archive ? user : source.kind === 'local' ? root : 'give' }
}

/** Reads a source as an archive in which it is called `as`. */
async function fromSource(engine: Engine, source: CopyEnd, as: string, write: WriteChunk): Promise<void> {
  if (source.kind === 'stream') {
    for await (const chunk of standardInput()) await write(chunk)
    return
  }
  if (source.kind === 'local') return await fromMachine(source.path, as, write)
  const plan = await accessRoot(engine, findOne(engine, source.container), true)
  const request = { root: plan.root, path: absolute(source.path), as: as === '.' ? '' : as, ids: plan.ids }
  const pieces = readRootWorker(await engine.namespace(), plan, 'pack', request)
  for (;;) {
    const next = await pieces.next().catch((error: unknown) => {
      throw during(`copying from container ${source.container}`, error)
    })
    if (next.done === true) return
    await write(next.value)
  }
}

async function fromMachine(path: string, as: string, write: WriteChunk): Promise<void> {
  using top = openMachineRoot()
  using from = openCopySource(top.number, `${resolve(path)}${meansFolder(path) ? '/' : ''}`, path)
  const packer = new Packer()
  for (const piece of packer.pack(from.number, '', as === '.' ? '' : as)) await write(piece)
  for (const piece of packer.finish()) await write(piece)
}

type Feed = (write: WriteChunk) => Promise<void>

async function intoContainer(
  engine: Engine,
  { container }: ContainerEnd,
  placement: Placement,
  feed: Feed,
): Promise<void> {
  const id = findOne(engine, container)
  const plan = await accessRoot(engine, id, true)
  const request = { root: plan.root, placement, ids: plan.ids }
  await using root = startRootWorker(await engine.namespace(), plan, 'place', request, { stdin: 'pipe' })
  const { worker } = root
  try {
    await feed(async chunk => await worker.write(chunk))
    await worker.result()
  } catch (error) {
    throw during(
      `copying to container ${container}`,
      errnoOf(error) === 'EPIPE' ? await reasonOf(worker, error) : error,
    )
  }
}

/** A worker that ended early says why. */
async function reasonOf(worker: Worker, error: unknown): Promise<unknown> {
  try {
    await worker.result()
    return error
  } catch (reason) {
    return reason
  }
}

async function intoMachine(placement: Placement, feed: Feed): Promise<void> {
  using top = openMachineRoot()
  using sink = new PlacingSink(top.number, placement)
  const reader = new TarReader(sink)
  const umask = process.umask(0)
  try {
    await feed(async chunk => reader.push(chunk))
    reader.finish()
    sink.finish()
  } catch (error) {
    throw error instanceof TspodError ? error : during(`copying to "${placement.shownAs}"`, error)
  } finally {
    process.umask(umask)
  }
}
