// --device: `host[:container][:permissions]` (run(1)).
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'

export interface DeviceOption {
  source: string
  destination: string
  /** cgroup permissions out of r, w, m */
  permissions: string
}

/** `/dev/fuse`, `/dev/x:/dev/y:rw`, `/dev/x:r`. Throws INVALID quoting the text; UNSUPPORTED for CDI names. */
export function parseDeviceOption(text: string): DeviceOption {
  const refuse = (why: string) => new TspodError('INVALID', `parsing --device "${text}": ${why}`)
  if (/^[A-Za-z0-9.-]+\/[A-Za-z0-9_.-]+=[^/]+$/.test(text))
    throw new TspodError('UNSUPPORTED', `parsing --device "${text}": CDI device names are not implemented yet`)
  const parts = text.split(':')
  const [source = '', second, third] = parts
  if (parts.length > 3) throw refuse(`found ${parts.length} parts, must be HOST[:CONTAINER][:PERMISSIONS]`)
  if (!source.startsWith('/')) throw refuse(`the host's path is "${source}", must be absolute`)
  const onlyPermissions = parts.length === 2 && second !== undefined && !second.startsWith('/')
  const destination = onlyPermissions || second === undefined ? source : second
  const permissions = (onlyPermissions ? second : third) ?? 'rwm'
  if (!destination.startsWith('/')) throw refuse(`the container's path is "${destination}", must be absolute`)
  if (!/^[rwm]{1,3}$/.test(permissions) || new Set(permissions).size !== permissions.length)
    throw refuse(`the permissions are "${permissions}", must be out of r, w and m, each once`)
  return { source: posix.normalize(source), destination: posix.normalize(destination), permissions }
}
