// Device nodes of the host that helpers open: /dev/fuse and /dev/net/tun.
import { closeSync, lstatSync, openSync } from 'node:fs'
import { errnoOf } from '#errors.ts'

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
