// `RUN --mount=type=cache`: a folder of the store that outlives the build, filled once from what `from=` names.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunMount } from '#build/parse/run-mount.ts'
import { openMountLock } from '#build/run/mount-lock.ts'
import type { RecordedMount } from '#container/record.ts'
import { errnoOf } from '#errors.ts'
import { copyUp } from '#storage/copy-up.ts'
import { giveInside } from '#storage/inside-owner.ts'
import { removeTree } from '#storage/remove-tree.ts'
import { runWorker } from '#userns/worker.ts'
import { insideContext } from './inside-context.ts'
import type { BuildSession } from './session.ts'
import { layersRoot, type StageFiles } from './stage-files.ts'

type CacheMount = Extract<RunMount, { type: 'cache' }>

export const cacheMountsFolder = (graphRoot: string): string => join(graphRoot, 'build', 'mounts')

/** Opens it, and waits for it where it is not to be shared. `stack` holds it. */
export async function cacheMount(
  session: BuildSession,
  mount: CacheMount,
  stack: AsyncDisposableStack,
): Promise<RecordedMount> {
  const { engine, request } = session
  const start = mount.from === undefined ? undefined : await session.filesOf(mount.from)
  const name = createHash('sha256').update(mount.id).update(startKey(start, mount)).digest('hex').slice(0, 32)
  const { path, lock } = await openMountLock(cacheMountsFolder(engine.graphRoot), name, mount.sharing, request.signal)
  stack.use(lock)
  const files = join(path, 'files')
  if (!existsSync(files)) await makeFiles(session, mount, start, path)
  return {
    type: 'bind',
    source: files,
    destination: mount.target,
    readWrite: !mount.readOnly,
    options: ['rbind', 'rprivate', mount.readOnly ? 'ro' : 'rw'],
  }
}

/** A cache that begins with other files is another cache. */
function startKey(start: StageFiles | undefined, { source }: CacheMount): string {
  if (start === undefined) return ''
  return `\0${start.kind === 'layers' ? (start.chain.at(-1) ?? '') : start.folder}\0${source}`
}

/** Made aside and renamed: a build that is killed here leaves no half of it. Of two builds that share it the first wins. */
async function makeFiles(
  session: BuildSession,
  mount: CacheMount,
  start: StageFiles | undefined,
  path: string,
): Promise<void> {
  const namespace = async () => await session.engine.namespace()
  const unfinished = mkdtempSync(join(path, 'files.'))
  try {
    await giveInside(namespace, unfinished, mount.uid, mount.gid, mount.mode)
    if (start !== undefined) await fill(session, start, mount.source, unfinished)
    writeFileSync(join(path, 'id'), mount.id)
    renameSync(unfinished, join(path, 'files'))
  } catch (error) {
    await removeTree(unfinished, namespace)
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
  }
}

async function fill(session: BuildSession, start: StageFiles, source: string, target: string): Promise<void> {
  const namespace = await session.engine.namespace()
  if (start.kind === 'folder')
    return await runWorker(namespace, 'copy-folder', { from: insideContext(start.folder, source), to: target })
  await copyUp(namespace, await layersRoot(session, start.chain), source, target)
}
