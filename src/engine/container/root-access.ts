// A container's root file system for a worker: where its processes see it while it runs, mounted for the worker otherwise.
import { type ContainerId, containerDir, readRecord } from '#container/record.ts'
import { isRunning, readStatus } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import type { RootPlan } from '#storage/driver.ts'
import { O_CLOEXEC, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '#sys/flags.ts'
import { type Call, call, tolerate } from '#sys/servant/batch.ts'
import { imageOfRecord } from './choose-image.ts'
import { prepareRoot, rootOf } from './root.ts'
import { machineOf } from './survey.ts'

/** How a worker gets at the root. With `mounts`, a stopped container's volumes and binds are in it too. */
export async function accessRoot(engine: Engine, id: ContainerId, mounts: boolean): Promise<RootPlan> {
  const folder = containerDir(engine.graphRoot, id)
  const report = readStatus(folder, machineOf(engine))
  if (report.status === 'elsewhere')
    throw new TspodError('CONFLICT', `container ${id} runs on another machine, and its files are in use there`)
  if (isRunning(report) && report.state !== undefined) return { calls: [], root: `/proc/${report.state.pid}/root` }
  const record = readRecord(engine.graphRoot, id)
  const image = record.image === undefined ? undefined : await imageOfRecord(engine, record)
  const root = await rootOf(engine, record.request, image, folder)
  await prepareRoot(root)
  const { calls, program, path } = root.setup
  const binds = mounts ? record.mounts.filter(({ type }) => type === 'bind' || type === 'volume') : []
  // a FUSE program's file system is not there yet when the calls are made
  const bindCallsAfter =
    program === undefined ? binds.flatMap((mount, index) => bindCalls(path, mount, calls.length + 5 * index)) : []
  return { calls: [...calls, ...bindCallsAfter], program, root: path }
}

/** Mounts one source beneath the root, whatever links lead there; where the place or the source is missing nothing happens. */
function bindCalls(
  root: string,
  { source, destination }: { source: string; destination: string },
  first: number,
): Call[] {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)])
  const OPEN_TREE_CLONE_RECURSIVE = 1 | 0x8000 | O_CLOEXEC
  return [
    call('openat', -100, root, O_PATH | O_CLOEXEC, 0),
    tolerate('any', call('open_tree', -100, source, OPEN_TREE_CLONE_RECURSIVE)),
    tolerate('any', call('openat2', { resultOf: first }, destination, { memory: how }, 24)),
    tolerate('any', call('move_mount', { resultOf: first + 1 }, '', { resultOf: first + 2 }, '', 4 | 0x40)),
    call('close', { resultOf: first }),
  ]
}
