// The nodes and links of /dev. A user namespace cannot make nodes, so the host's are bound. Pure.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'
import type { DeviceSpec } from '#oci/runtime-spec.ts'

export type DeviceStep =
  /** bind the host's node over an empty file */
  | { kind: 'bind'; source: string; path: string }
  /** mknodat(2): `mode` with its type bits, `device` as the kernel takes it; then fchownat(2) where `owner` is given */
  | { kind: 'node'; path: string; mode: number; device: number; owner: { uid: number; gid: number } | undefined }

export interface LinkStep {
  path: string
  target: string
}

/** What every container has (config-linux.md, Default Devices); /dev/console and /dev/ptmx are made with the terminal. */
const defaultDevicePaths: readonly string[] = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map(
  name => `/dev/${name}`,
)

/** The links of /dev that runtimes make (config-linux.md, /dev symbolic links). */
export function planDeviceLinks(): LinkStep[] {
  return [
    { path: '/dev/fd', target: '/proc/self/fd' },
    { path: '/dev/stdin', target: '/proc/self/fd/0' },
    { path: '/dev/stdout', target: '/proc/self/fd/1' },
    { path: '/dev/stderr', target: '/proc/self/fd/2' },
    { path: '/dev/ptmx', target: 'pts/ptmx' },
  ]
}

const typeBits = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 }

/**
 * Default devices first, then `linux.devices`, each path once (a later one wins). `canMakeNodes` is true only for a
 * process with CAP_MKNOD over the initial user namespace; pipes can always be made.
 */
export function planDevices(devices: readonly DeviceSpec[] = [], canMakeNodes = false): DeviceStep[] {
  const steps = new Map<string, DeviceStep>()
  for (const path of defaultDevicePaths) steps.set(path, { kind: 'bind', source: path, path })
  for (const device of devices) {
    const path = posix.normalize(device.path)
    if (!path.startsWith('/') || path === '/')
      throw new TspodError('INVALID', `device "${device.path}": not an absolute path`)
    steps.delete(path)
    if (device.type !== 'p' && !canMakeNodes) steps.set(path, { kind: 'bind', source: path, path })
    else steps.set(path, node(device, path))
  }
  return [...steps.values()]
}

function node(device: DeviceSpec, path: string): DeviceStep {
  const { type, major, minor, fileMode, uid, gid } = device
  if (type !== 'p' && (major === undefined || minor === undefined || major < 0 || minor < 0))
    throw new TspodError('INVALID', `device "${path}": a node of type ${type} needs a major and a minor number`)
  const owner = uid === undefined && gid === undefined ? undefined : { uid: uid ?? 0, gid: gid ?? 0 }
  return {
    kind: 'node',
    path,
    mode: typeBits[type] | ((fileMode ?? 0o666) & 0o7777),
    device: type === 'p' ? 0 : encodeDevice(major ?? 0, minor ?? 0),
    owner,
  }
}

/** dev_t as mknodat(2) takes it: 12 bits of major, 20 of minor (linux/kdev_t.h, new_encode_dev). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
}
