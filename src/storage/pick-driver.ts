// Which storage driver serves here: what was found out by trying (probe-driver.ts) is remembered. Host namespaces.
import { accessSync, constants } from 'node:fs'
import { release } from 'node:os'
import { TspodError } from '#errors.ts'
import { installCommand, readDistribution } from '#host/distribution.ts'
import { filesystemOf } from '#host/filesystem.ts'
import { findProgram } from '#host/helper-programs.ts'
import { log } from '#log.ts'
import type { DriverPlace, StorageDriver } from './driver.ts'
import { overlayDriver } from './overlay.ts'

type DriverName = StorageDriver['name']

/** What probes found, by the kernel, file system and store that it depends on. */
export type RememberedDrivers = Record<string, { driver: string; reasons: string[] }>

export interface PickOptions extends DriverPlace {
  /** `--storage-driver`, storage.conf: this one or none */
  wished?: DriverName
  /** where fuse-overlayfs is; absent: looked for */
  mountProgram?: string
  remembered: RememberedDrivers | undefined
  remember: (found: RememberedDrivers) => Promise<unknown>
}

export interface PickedDriver {
  driver: StorageDriver
  /** Why the better ones do not serve, one line each; empty where it was wished for. */
  reasons: string[]
}

/** The best driver that works here. Throws UNSUPPORTED where the wished one cannot. */
export async function pickStorageDriver(options: PickOptions): Promise<PickedDriver> {
  const { wished, remembered, remember } = options
  if (wished !== undefined) return { driver: await wishedDriver(wished, options), reasons: [] }
  const key = `${release()} ${filesystemOf(options.graphRoot).kind} ${options.graphRoot}`
  const known = remembered?.[key]
  if (known !== undefined && isDriverName(known.driver)) {
    const driver = await makeDriver(known.driver, options)
    if (driver !== undefined) return warned({ driver, reasons: known.reasons })
  }
  const picked = await probe(options)
  await remember({ ...remembered, [key]: { driver: picked.driver.name, reasons: picked.reasons } })
  return warned(picked)
}

/**
 * The best driver for roots whose owners differ from their layers': fuse-overlayfs changes them on the way, the others copy layers.
 * `before` is the one that a container's writable layer was made by.
 */
export async function pickMappedDriver(options: PickOptions, before?: DriverName): Promise<PickedDriver> {
  if (before !== undefined) return { driver: await wishedDriver(before, options), reasons: [] }
  if (options.wished === undefined && canAccess('/dev/fuse')) {
    const driver = await makeDriver('fuse-overlayfs', options)
    if (driver !== undefined) return { driver, reasons: [] }
  }
  return await pickStorageDriver(options)
}

function canAccess(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false // closed to us, or not there
  }
}

async function probe(options: PickOptions): Promise<PickedDriver> {
  const { probeFuse, probeOverlay } = await import('./probe-driver.ts')
  const overlayFault = await probeOverlay(options)
  if (overlayFault === undefined) return { driver: overlayDriver(options), reasons: [] }
  const fuse = await makeDriver('fuse-overlayfs', options)
  const fuseFault = fuse === undefined ? 'fuse-overlayfs is not installed' : await probeFuse(options)
  if (fuse !== undefined && fuseFault === undefined) return { driver: fuse, reasons: [overlayFault] }
  const { copyDriver } = await import('./copy.ts')
  return { driver: copyDriver(options), reasons: [overlayFault, fuseFault ?? ''] }
}

async function wishedDriver(name: DriverName, options: PickOptions): Promise<StorageDriver> {
  const driver = await makeDriver(name, options)
  if (driver !== undefined) return driver
  throw new TspodError('UNSUPPORTED', 'using the storage driver "fuse-overlayfs": the program is not installed', {
    hint: `an administrator can mend it: ${installCommand('fuse-overlayfs', readDistribution())}; or name it with --storage-opt overlay.mount_program=PATH`,
  })
}

async function makeDriver(name: DriverName, options: PickOptions): Promise<StorageDriver | undefined> {
  if (name === 'overlay') return overlayDriver(options)
  if (name === 'copy') return (await import('./copy.ts')).copyDriver(options)
  const program = options.mountProgram ?? findProgram('fuse-overlayfs')
  return program === undefined ? undefined : (await import('./fuse-overlayfs.ts')).fuseOverlayDriver(options, program)
}

/** True for a name of one of the drivers. */
export function isDriverName(name: string): name is DriverName {
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
