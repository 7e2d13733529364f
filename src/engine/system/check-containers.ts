// system check, containers: records that cannot be read, folders that were never finished, names that lead nowhere.
import { existsSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bearerOf, claimName, holderOf, releaseName } from '#container/name-index.ts'
import { type ContainerId, type ContainerRecord, isContainerId, listRecords } from '#container/record.ts'
import { removeContainerFiles } from '#container/remove.ts'
import { listAbandoned } from '#container/unfinished.ts'
import { seeContainer } from '#engine/container/survey.ts'
import type { CheckOptions, StoreProblem } from '#engine/contracts/system.ts'
import { modes, stackOf } from '#engine/image/layers-in-use.ts'
import type { Engine } from '#engine/open.ts'
import { errnoOf, hasCode } from '#errors.ts'
import { listNames } from '#image/lease.ts'
import type { ChainId } from '#oci/digest.ts'
import { diffFolder } from '#storage/layer-paths.ts'

/** With `force`, containers that cannot be mended are removed. Those of other machines are left alone. */
export async function checkContainers(engine: Engine, options: CheckOptions): Promise<StoreProblem[]> {
  const problems: StoreProblem[] = []
  for (const id of listAbandoned(engine.graphRoot)) {
    const problem = 'it was never finished: container.json is missing'
    problems.push({ kind: 'container', id, problem, repaired: options.repair })
    if (options.repair)
      await removeContainerFiles(
        { graphRoot: engine.graphRoot, id, name: '', anonymousVolumes: [] },
        async () => await engine.namespace(),
      )
  }
  const { records, damaged } = listRecords(engine.graphRoot)
  for (const { id, error } of damaged)
    problems.push(await removable(engine, id, error.message.replace(/^reading /, ''), options))
  for (const record of records)
    for (const problem of faultsOf(engine, record)) problems.push(await removable(engine, record.id, problem, options))
  return problems
}

async function removable(
  engine: Engine,
  id: ContainerId,
  problem: string,
  { repair, force }: CheckOptions,
): Promise<StoreProblem> {
  const told = { kind: 'container', id, problem }
  if (!repair || !force || seeContainer(engine, id).status === 'elsewhere') return { ...told, repaired: false }
  const { removeContainers } = await import('#engine/container/remove.ts')
  const outcomes = await removeContainers(
    { names: [id], all: false, filters: [], ignoreMissing: true },
    { force: true, volumes: false, depend: true, withPods: true },
  )
  return { ...told, repaired: outcomes.every(({ error }) => error === undefined) }
}

/** What keeps a container from being started. */
function faultsOf({ graphRoot }: Engine, { layer, mounts, request }: ContainerRecord): string[] {
  const isUnpacked = (chainId: string) =>
    modes.some(mode => existsSync(diffFolder(graphRoot, mode, chainId as ChainId)))
  const layers = stackOf(graphRoot, layer).filter(chainId => !isUnpacked(chainId))
  const volumes = mounts.filter(({ type, source }) => type === 'volume' && !existsSync(source))
  return [
    ...layers.map(chainId => `the layer ${chainId} of its image is missing`),
    ...volumes.map(({ name }) => `its volume "${name}" is missing`),
    ...(request.rootfs !== undefined && !existsSync(request.rootfs)
      ? [`its root file system "${request.rootfs}" is missing`]
      : []),
  ]
}

/** names/: a link for each container, and none besides. */
export async function checkNames({ graphRoot }: Engine, { repair }: CheckOptions): Promise<StoreProblem[]> {
  const problems: StoreProblem[] = []
  for (const name of listNames(join(graphRoot, 'names'))) {
    if (bearerOf(graphRoot, name) !== undefined) continue
    if (repair) await dropLink(graphRoot, name)
    problems.push({ kind: 'name', id: name, problem: 'it leads to no container and no pod', repaired: repair })
  }
  for (const { id, name } of listRecords(graphRoot).records) {
    const holder = holderOf(graphRoot, name)
    if (holder === id) continue
    const problem =
      holder === undefined ? 'its name does not lead to it' : `its name "${name}" is that of ${holder} too`
    problems.push({ kind: 'container', id, problem, repaired: repair && (await claim(graphRoot, name, id)) })
  }
  return problems
}

async function claim(graphRoot: string, name: string, id: ContainerId): Promise<boolean> {
  try {
    await claimName(graphRoot, name, id)
    return true
  } catch (error) {
    if (hasCode(error, 'CONFLICT')) return false
    throw error
  }
}

async function dropLink(graphRoot: string, name: string): Promise<void> {
  const link = join(graphRoot, 'names', name)
  const target = linkTarget(link)
  if (target !== undefined && isContainerId(target)) await releaseName(graphRoot, name, target)
  else rmSync(link, { recursive: true, force: true })
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}
