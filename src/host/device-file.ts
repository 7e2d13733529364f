// Device nodes of the host that helpers open: /dev/fuse and /dev/net/tun.
import { closeSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { errnoOf } from '#errors.ts'
import { isInUserNamespace } from './kernel.ts'
import { type Obstacle, obstacleHint } from './obstacle.ts'

/** `ready`, or why not: missing, closed to this user, or without a driver in the kernel. */
export type DeviceState = 'ready' | 'missing' | 'denied' | 'no driver'

export interface DeviceFacts {
  state: DeviceState
  /** Permission bits, where it exists. */
  mode: number | undefined
}

/** Opens the device for reading and writing, as its users do, and closes it again. */
export function probeDevice(path: string): DeviceFacts {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return { state: 'missing', mode: undefined }
  const mode = facts.mode & 0o777
  try {
    closeSync(openSync(path, 'r+'))
    return { state: 'ready', mode }
  } catch (error) {
    const errno = errnoOf(error)
    return { state: errno === 'ENODEV' || errno === 'ENXIO' ? 'no driver' : 'denied', mode }
  }
}

export interface Device {
  path: '/dev/fuse' | '/dev/net/tun'
  /** The kernel module that serves it, and its name in /proc/misc. */
  module: 'fuse' | 'tun'
  /** Major 10, miscellaneous devices (Documentation/admin-guide/devices.txt). */
  minor: number
}

export const fuseDevice: Device = { path: '/dev/fuse', module: 'fuse', minor: 229 }
export const tunDevice: Device = { path: '/dev/net/tun', module: 'tun', minor: 200 }

/** What the kernel and the surroundings have for a device that is not there. */
export interface DeviceSurroundings {
  /** The kernel has the driver: only the node is missing. */
  hasDriver: boolean
  /** In the user namespace of a container nobody can make a device: whoever starts it gives it. */
  isNested: boolean
}

export function deviceSurroundings({ module }: Device): DeviceSurroundings {
  return { hasDriver: miscellaneousDevices().includes(module), isNested: isInUserNamespace() }
}

/** What keeps tspod from a device, and the command that mends it; `undefined` where it opens. Pure. */
export function deviceObstacle(
  { path, module, minor }: Device,
  { state, mode }: DeviceFacts,
  { hasDriver, isNested }: DeviceSurroundings,
): Obstacle | undefined {
  if (state === 'ready') return undefined
  const found = {
    missing: 'does not exist',
    denied: `cannot be opened by you (mode ${(mode ?? 0).toString(8).padStart(4, '0')})`,
    'no driver': 'exists, but the kernel has no driver for it',
  }[state]
  const folder = path.slice(0, path.lastIndexOf('/'))
  const make = `${folder === '/dev' ? '' : `sudo mkdir -p ${folder} && `}sudo mknod -m 0666 ${path} c 10 ${minor}`
  const commands = {
    missing: isNested
      ? `start the container that tspod runs in with --device ${path}`
      : hasDriver
        ? make
        : `sudo modprobe ${module}`,
    denied: `sudo chmod 0666 ${path}`,
    'no driver': `sudo modprobe ${module}`,
  }
  return { found, mend: { command: commands[state], who: 'administrator' } }
}

/** The obstacle as the hint of an error; `undefined` where the device opens. */
export function deviceHint(device: Device): string | undefined {
  const obstacle = deviceObstacle(device, probeDevice(device.path), deviceSurroundings(device))
  return obstacle === undefined ? undefined : obstacleHint({ ...obstacle, found: `${device.path} ${obstacle.found}` })
}

/** Drivers of miscellaneous devices in this kernel, by name (proc(5), /proc/misc). */
function miscellaneousDevices(): string[] {
  try {
    return readFileSync('/proc/misc', 'utf8')
      .split('\n')
      .map(line => line.trim().split(' ')[1] ?? '')
  } catch {
    return [] // a container may hide it
  }
}
