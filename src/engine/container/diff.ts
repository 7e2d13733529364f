// diff: what changed in a container's files, or in an image's uppermost layer, or between any two of them.
import { join } from 'node:path'
import { containerDir, readRecord } from '#container/record.ts'
import type { Change, ContainerName } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import type { DiffRequest, PathChange } from '#storage/diff.ts'
import { runWorker } from '#userns/worker.ts'
import { findOne } from './select.ts'

/** Folders of a merged view, uppermost first. */
interface View {
  whole: string[]
  /** what it is compared with where nothing else is named */
  below: string[]
  isContainer: boolean
}

/** Files and folders that every container gets, and that are no change of its own. */
export const givenPaths: ReadonlySet<string> = new Set([
  '/dev',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/mtab',
  '/etc/resolv.conf',
  '/proc',
  '/run',
  '/run/.containerenv',
  '/run/secrets',
  '/sys',
])

/** The verb: against its image (an image: against its layers but the uppermost), or against `other`. */
export async function diffObjects(name: ContainerName, other?: string): Promise<Change[]> {
  const engine = await openEngine()
  const left = await viewOf(engine, name)
  const right = other === undefined ? left.below : (await viewOf(engine, other)).whole
  const request: DiffRequest = { left: left.whole, right }
  const changes = await runWorker<PathChange[]>(await engine.namespace(), 'diff', request)
  return changes.filter(({ path }) => !(left.isContainer && givenPaths.has(path)))
}

/** The verb for images alone. */
export async function diffImages(name: string, other?: string): Promise<Change[]> {
  const engine = await openEngine()
  const viewed = async (text: string) => await layerFolders(engine, (await engine.images.resolve(text)).image)
  const left = await viewed(name)
  const right = other === undefined ? left.slice(1) : await viewed(other)
  return await runWorker<PathChange[]>(await engine.namespace(), 'diff', { left, right } satisfies DiffRequest)
}

/** Containers win over images of the same name. */
async function viewOf(engine: Engine, name: ContainerName): Promise<View> {
  try {
    return await containerView(engine, name)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND') || typeof name !== 'string') throw error
    const found = await engine.images.find(name)
    if (found === undefined) throw error
    const whole = await layerFolders(engine, found.image)
    return { whole, below: whole.slice(1), isContainer: false }
  }
}

async function containerView(engine: Engine, name: ContainerName): Promise<View> {
  const id = findOne(engine, name)
  const { image, storageDriver } = readRecord(engine.graphRoot, id)
  if (image === undefined)
    throw new TspodError('UNSUPPORTED', `container ${id} has no image (--rootfs), so nothing to be compared with`)
  const below = await layerFolders(engine, { digest: image.digest })
  const folder = containerDir(engine.graphRoot, id)
  const whole = storageDriver === 'copy' ? [join(folder, 'merged')] : [join(folder, 'upper'), ...below]
  return { whole, below, isContainer: true }
}

async function layerFolders(engine: Engine, image: { digest: string }): Promise<string[]> {
  const storage = await engine.storage()
  const { chain } = engine.images.open(image as Parameters<typeof engine.images.open>[0])
  return chain.map(chainId => storage.diffFolder(chainId)).toReversed()
}
