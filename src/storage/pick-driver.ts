// Which storage driver serves here: found out by really mounting inside the user's namespace, then remembered. Host namespaces.

import { mkdirSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { filesystemOf } from '#host/filesystem.ts'
import { findProgram } from '#host/helper-programs.ts'
import { log } from '#log.ts'
import { SIGKILL } from '#sys/flags.ts'
import { killProcess, waitProcess } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { Servant } from '#sys/servant/servant.ts'
import { enterCalls, type UserNamespace } from '#userns/user-namespace.ts'
import { copyDriver } from './copy.ts'
import type { DriverPlace, StorageDriver } from './driver.ts'
import { fuseOverlayDriver } from './fuse-overlayfs.ts'
import { overlayDriver } from './overlay.ts'
import { openStaging } from './staging.ts'

type DriverName = StorageDriver['name']

export interface PickOptions extends DriverPlace {
  /** `--storage-driver`, storage.conf: this one or none */
  wished?: DriverName
  /** where fuse-overlayfs is; absent: looked for */
  mountProgram?: string
  /** What an earlier probe found out, and where to keep what this one does; keyed by what it depends on. */
  remembered: Record<string, { driver: string; reasons: string[] }> | undefined
  remember: (found: Record<string, { driver: string; reasons: string[] }>) => Promise<unknown>
}

export interface PickedDriver {
  driver: StorageDriver
  /** Why the better ones do not serve, one line each; empty where it was wished for. */
  reasons: string[]
}

/** The best driver that works here. Throws UNSUPPORTED where the wished one does not. */
export async function pickStorageDriver(options: PickOptions): Promise<PickedDriver> {
  const { wished } = options
  const key = `${release()} ${filesystemOf(options.graphRoot).kind} ${options.graphRoot}`
  const known = options.remembered?.[key]
  if (wished === undefined && isDriverName(known?.driver)) {
    const driver = make(known.driver, options)
    if (driver !== undefined) return warned({ driver, reasons: known.reasons })
  }
  if (wished !== undefined) return { driver: await wishedDriver(wished, options), reasons: [] }
  const picked = await probe(options)
  await options.remember({ ...options.remembered, [key]: { driver: picked.driver.name, reasons: picked.reasons } })
  return warned(picked)
}

async function probe(options: PickOptions): Promise<PickedDriver> {
  const reasons: string[] = []
  const overlayFault = await probeOverlay(options)
  if (overlayFault === undefined) return { driver: overlayDriver(options), reasons }
  reasons.push(overlayFault)
  const fuse = make('fuse-overlayfs', options)
  const fuseFault = fuse === undefined ? 'fuse-overlayfs is not installed' : await probeFuse(options)
  if (fuse !== undefined && fuseFault === undefined) return { driver: fuse, reasons }
  reasons.push(fuseFault ?? '')
  return { driver: copyDriver(options), reasons }
}

async function wishedDriver(name: DriverName, options: PickOptions): Promise<StorageDriver> {
  const driver = make(name, options)
  if (driver === undefined)
    throw new TspodError('UNSUPPORTED', 'using the storage driver "fuse-overlayfs": the program is not installed', {
      hint: 'an administrator installs the package fuse-overlayfs, or name it with --storage-opt overlay.mount_program=PATH',
    })
  return driver
}

function make(name: DriverName, options: PickOptions): StorageDriver | undefined {
  if (name === 'overlay') return overlayDriver(options)
  if (name === 'copy') return copyDriver(options)
  const program = options.mountProgram ?? findProgram('fuse-overlayfs')
  return program === undefined ? undefined : fuseOverlayDriver(options, program)
}

function isDriverName(name: string | undefined): name is DriverName {
  return name === 'overlay' || name === 'fuse-overlayfs' || name === 'copy'
}

function warned(picked: PickedDriver): PickedDriver {
  if (picked.driver.name === 'copy')
    log.warn(
      `every container copies its whole image (storage driver "copy"): ${picked.reasons.join('; ')}. ` +
        'Kernel 5.11 or later, or the package fuse-overlayfs with a /dev/fuse you may open, mends this',
    )
  return picked
}

/** Mounts an overlay, deletes a file of the lower layer and a folder's content in it. Why that fails; `undefined` when it works. */
export async function probeOverlay({ graphRoot, openNamespace }: DriverPlace): Promise<string | undefined> {
  const namespace = await openNamespace()
  await using staging = openStaging(graphRoot, 'probe', openNamespace)
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(staging.path, name))
  writeFileSync(join(staging.path, 'lower', 'file'), '')
  const options = 'lowerdir=lower,upperdir=upper,workdir=work,userxattr,index=off,metacopy=off'
  const fault = faultOf(namespace, [
    call('chdir', staging.path),
    call('mount', 'overlay', 'merged', 'overlay', 0, options),
    call('unlinkat', -100, 'merged/file', 0),
    call('mkdirat', -100, 'merged/file', 0o755),
  ])
  return fault === undefined
    ? undefined
    : `overlay cannot be used in a user namespace on this kernel and disk: ${fault}`
}

async function probeFuse({ openNamespace }: DriverPlace): Promise<string | undefined> {
  const fault = faultOf(await openNamespace(), [call('openat', -100, '/dev/fuse', 2, 0)])
  return fault === undefined ? undefined : `fuse-overlayfs cannot serve: opening /dev/fuse: ${fault}`
}

/** Performs calls inside the namespace; the first failure in words. */
function faultOf(namespace: UserNamespace, calls: readonly Call[]): string | undefined {
  const servant = Servant.start([], enterCalls(namespace))
  try {
    servant.do(calls)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    servant.close()
    killProcess(servant.pid, SIGKILL)
    waitProcess(servant.pid)
  }
}
