// A container's root file system for a worker: where its processes see it while it runs, mounted for the worker otherwise.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ContainerId, containerDir, type RecordedMount, readRecord } from '#container/record.ts'
import { isRunning, readStatus } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { errnoOf, TspodError } from '#errors.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { planBinds } from '#storage/bind-calls.ts'
import type { RootPlan } from '#storage/driver.ts'
import type { RootIds } from '#storage/root-ids.ts'
import { imageOfRecord } from './choose-image.ts'
import { ownersOf, prepareRoot, rootOf } from './root.ts'
import { machineOf } from './survey.ts'

export interface AccessedRoot extends RootPlan {
  /** What the container's ids are in the user's namespace, where a worker sees them; absent where they are the same. */
  ids?: RootIds
}

/** How a worker gets at the root. With `mounts`, a stopped container's volumes, binds, and files such as /etc/hosts are in it too. */
export async function accessRoot(engine: Engine, id: ContainerId, mounts: boolean): Promise<AccessedRoot> {
  const folder = containerDir(engine.graphRoot, id)
  const report = readStatus(folder, machineOf(engine))
  if (report.status === 'elsewhere')
    throw new TspodError('CONFLICT', `container ${id} runs on another machine, and its files are in use there`)
  const record = readRecord(engine.graphRoot, id)
  const ids = record.rootIds && { ids: record.rootIds }
  if (isRunning(report) && report.state !== undefined)
    return { calls: [], root: `/proc/${report.state.pid}/root`, ...ids }
  const image = record.image === undefined ? undefined : await imageOfRecord(engine, record)
  const root = await rootOf(engine, record.request, image, folder, ownersOf(record))
  await prepareRoot(root)
  const { calls, program, root: path } = root.plan
  // a FUSE program's file system is not there yet when the calls are made
  const binds = mounts && program === undefined ? [...writtenFiles(folder), ...record.mounts.filter(isBind)] : []
  return { ...ids, calls: [...calls, ...planBinds(path, binds, calls.length)], program, root: path }
}

const isBind = ({ type }: RecordedMount): boolean => type === 'bind' || type === 'volume'

/** What the engine wrote for the container's last start and bound into its /etc: nothing before the first one. */
function writtenFiles(folder: string): { source: string; destination: string }[] {
  let text: string
  try {
    text = readFileSync(join(folder, 'config.json'), 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
  const { mounts = [] } = JSON.parse(text) as RuntimeSpec
  return mounts.flatMap(({ source = '', destination }) =>
    source.startsWith(`${folder}/`) && destination.startsWith('/etc/') ? [{ source, destination }] : [],
  )
}
