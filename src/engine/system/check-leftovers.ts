// system check, what is left over: blobs no image reaches, staging folders of dead processes, runtime folders of containers that are
// gone; and volumes without their files.
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { listContainerIds } from '#container/record.ts'
import type { CheckOptions, StoreProblem } from '#engine/contracts/system.ts'
import type { Engine } from '#engine/open.ts'
import { collectGarbage, orphanAgeMs, reachableFrom, withImagesLocked } from '#image/garbage.ts'
import { readKept } from '#image/kept.ts'
import { blobsFolder, readIndex } from '#image/layout.ts'
import { listNames, readLeases } from '#image/lease.ts'
import { findLeftovers, sweepStaging } from '#storage/staging.ts'

/** Blobs that no image and no pull needs; young ones may be another tool's work under way. */
export async function checkBlobs({ graphRoot }: Engine, { repair }: CheckOptions): Promise<StoreProblem[]> {
  const folder = blobsFolder(graphRoot)
  const orphans = await withImagesLocked(graphRoot, async () => {
    const { blobs, unreadable } = reachableFrom(graphRoot, readIndex(graphRoot))
    if (unreadable.length > 0) return []
    const known = new Set<string>([...blobs, ...(await readLeases(graphRoot)), ...readKept(graphRoot)])
    const isOld = (name: string) => (statSync(join(folder, name)).mtimeMs ?? 0) < Date.now() - orphanAgeMs
    return listNames(folder).filter(name => !known.has(`sha256:${name}`) && isOld(name))
  })
  if (repair && orphans.length > 0) await collectGarbage(graphRoot)
  return orphans.map(name => ({
    kind: 'blob',
    id: /^[0-9a-f]{64}$/.test(name) ? `sha256:${name}` : join(folder, name),
    problem: 'no image needs it',
    repaired: repair && !existsSync(join(folder, name)),
  }))
}

/** What dead processes left below tmp/. */
export async function checkStaging(engine: Engine, { repair }: CheckOptions): Promise<StoreProblem[]> {
  const { graphRoot } = engine
  const found = repair ? await sweepStaging(graphRoot, async () => await engine.namespace()) : findLeftovers(graphRoot)
  return found.map(id => ({ kind: 'staging', id, problem: 'a process that is gone left it', repaired: repair }))
}

/** A volume's files and its record. What is lost cannot be brought back, so nothing is made in its place. */
export async function checkVolumes({ graphRoot }: Engine): Promise<StoreProblem[]> {
  const folder = join(graphRoot, 'volumes')
  return listNames(folder).flatMap(name =>
    ['_data', 'volume.json']
      .filter(part => !existsSync(join(folder, name, part)))
      .map(part => ({ kind: 'volume', id: name, problem: `its "${part}" is missing`, repaired: false })),
  )
}

/** Folders of sockets whose containers are gone. */
export async function checkRuntimeFolders(
  { graphRoot, runRoot }: Engine,
  { repair }: CheckOptions,
): Promise<StoreProblem[]> {
  const known = new Set(listContainerIds(graphRoot).map(id => id.slice(0, 12)))
  const left = listNames(runRoot).filter(name => /^[0-9a-f]{12}$/.test(name) && !known.has(name))
  if (repair) for (const name of left) rmSync(join(runRoot, name), { recursive: true, force: true })
  const problem = 'the container it was for is gone'
  return left.map(name => ({ kind: 'runtime', id: join(runRoot, name), problem, repaired: repair }))
}
