// The host's devices that a container gets, as binds: a rootless user can make no nodes. Pure.
import { TspodError } from '#errors.ts'
import type { MountSpec } from '#oci/runtime-spec.ts'
import { parseDeviceOption } from './options/device.ts'

const options = ['slave', 'nosuid', 'noexec', 'rw', 'rbind']

// made or bound anyway (config-linux.md, Default Devices), or belonging to a terminal
const own = /^\/dev\/(null|zero|full|random|urandom|tty|console|ptmx|pts|shm|mqueue|fd|std(in|out|err)|core)(\/|$)/

export interface DeviceInputs {
  /** --device, then containers.conf's devices */
  texts: readonly string[]
  privileged: boolean
  /** all nodes below the host's /dev */
  hostNodes: readonly string[]
}

/** One bind for each device; with --privileged every node of the host but terminals. */
export function planDeviceMounts({ texts, privileged, hostNodes }: DeviceInputs): MountSpec[] {
  const mounts = new Map<string, MountSpec>()
  const bind = (source: string, destination: string) =>
    mounts.set(destination, { destination, type: 'bind', source, options })
  if (privileged) for (const node of hostNodes) if (!own.test(node) && !node.startsWith('/dev/tty')) bind(node, node)
  for (const text of texts) {
    const { source, destination, permissions } = parseDeviceOption(text)
    if (!permissions.includes('r') || !permissions.includes('w'))
      throw new TspodError(
        'UNSUPPORTED',
        `--device "${text}": the permissions "${permissions}" cannot be enforced without privilege`,
        {
          hint: 'a rootless container can do with a device what you can: use rwm, or change the modes of the device on the host',
        },
      )
    bind(source, destination)
  }
  return [...mounts.values()]
}
