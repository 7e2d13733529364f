// Everything that is mounted in a container, in order: the file systems of the kernel, files of its own, what was asked for. Pure.
import { posix } from 'node:path'
import { TspodError } from '#errors.ts'
import type { MountSpec, NamespaceSpec } from '#oci/runtime-spec.ts'
import type { PlanInputs } from './inputs.ts'
import { initDestination } from './process.ts'
import { systemdMounts } from './systemd-mode.ts'

type Inputs = Pick<
  PlanInputs,
  'request' | 'defaults' | 'host' | 'joined' | 'network' | 'userNamespace' | 'mounts' | 'paths'
>

export interface MountDecisions {
  namespaces: readonly NamespaceSpec[]
  /** of --security-opt proc-opts= */
  procOptions: readonly string[]
  devices: readonly MountSpec[]
  hasPasswd: boolean
  hasGroup: boolean
  /** its program is systemd */
  isSystemd: boolean
}

const guarded = ['nosuid', 'noexec', 'nodev']

/** All mounts, shallow ones first; what the user mounts replaces a default at the same place. */
export function planMounts(inputs: Inputs, decisions: MountDecisions): MountSpec[] {
  const mounts = new Map<string, MountSpec>()
  const groups = [kernelMounts(inputs, decisions), decisions.devices, fileMounts(inputs, decisions), inputs.mounts]
  for (const mount of groups.flat()) mounts.set(mount.destination, mount)
  const scratch = [
    ...scratchMounts(inputs),
    ...(decisions.isSystemd ? systemdMounts(inputs.request.systemdTmpfsBytes) : []),
  ]
  for (const mount of scratch) if (!mounts.has(mount.destination)) mounts.set(mount.destination, mount)
  const depth = ({ destination }: MountSpec) => posix.normalize(destination).split('/').length
  return [...mounts.values()].sort((a, b) => depth(a) - depth(b))
}

/** proc, /dev, /sys and what belongs to them. A file system of a namespace that is not ours is bound from the host. */
function kernelMounts(inputs: Inputs, { namespaces, procOptions, isSystemd }: MountDecisions): MountSpec[] {
  const { request, defaults, host, joined, userNamespace } = inputs
  const has = (type: NamespaceSpec['type']) => namespaces.some(namespace => namespace.type === type)
  const isOwn = (type: NamespaceSpec['type'], kind: string) => has(type) && kind !== 'path'
  const rw = request.privileged ? 'rw' : 'ro'
  const bound = (path: string, ...options: string[]): MountSpec => ({
    destination: path,
    type: 'bind',
    source: path,
    options: ['rbind', 'rprivate', ...guarded, ...options],
  })

  const isOwnProc = isOwn('pid', request.pid.kind)
  if (!isOwnProc && procOptions.length > 0)
    throw new TspodError('INVALID', `--security-opt proc-opts=${procOptions.join(',')}: the host's /proc is shared`)
  const proc: MountSpec = isOwnProc
    ? { destination: '/proc', type: 'proc', source: 'proc', options: [...guarded, ...procOptions] }
    : bound('/proc', 'rw')
  const dev: MountSpec = {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'],
  }
  const hasTtyGroup = userNamespace.gidMappings.some(
    ({ containerID, size }) => containerID <= 5 && containerID + size > 5,
  )
  const pts: MountSpec = {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...(hasTtyGroup ? ['gid=5'] : [])],
  }
  const sys: MountSpec = isOwn('network', request.network.kind)
    ? { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...guarded, rw] }
    : bound('/sys', rw)

  const mounts = [proc, dev, sys, pts]
  if (host.cgroupVersion === 2) {
    if (isOwn('cgroup', request.cgroupns.kind))
      mounts.push({
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['rprivate', ...guarded, 'relatime', isSystemd ? 'rw' : rw],
      })
    else if (sys.type !== 'bind') mounts.push(bound('/sys/fs/cgroup', rw))
  }
  if (request.ipc.kind === 'host') {
    mounts.push(bound('/dev/shm', 'rw'))
    if (host.hasMqueue) mounts.push(bound('/dev/mqueue', 'rw'))
  } else {
    mounts.push(
      joined.shm === undefined
        ? {
            destination: '/dev/shm',
            type: 'tmpfs',
            source: 'shm',
            options: [...guarded, 'mode=1777', `size=${request.shmSizeBytes ?? defaults.shmSizeBytes}`],
          }
        : { ...bound('/dev/shm', 'rw'), source: joined.shm },
    )
    if (request.ipc.kind !== 'path')
      mounts.push({ destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: guarded })
  }
  if (request.shmSizeBytes !== undefined && (request.ipc.kind === 'host' || joined.shm !== undefined))
    throw new TspodError(
      'INVALID',
      `--shm-size: /dev/shm is shared with ${request.ipc.kind === 'host' ? 'the host' : 'another container'}`,
    )
  return mounts
}

/** Files that the engine wrote for this container. */
function fileMounts({ request, network, paths }: Inputs, { hasPasswd, hasGroup }: MountDecisions): MountSpec[] {
  const file = (destination: string, source: string, ...options: string[]): MountSpec => ({
    destination,
    type: 'bind',
    source,
    options: ['bind', 'rprivate', ...(request.readOnly ? ['ro'] : []), ...options],
  })
  const mounts = [file('/run/.containerenv', paths.containerEnv)]
  if (!request.noHosts) mounts.push(file('/etc/hosts', paths.hosts))
  if (!request.noHostname) mounts.push(file('/etc/hostname', paths.hostname))
  if (network !== 'none' && request.dns[0] !== 'none') mounts.push(file('/etc/resolv.conf', paths.resolvConf))
  if (hasPasswd) mounts.push(file('/etc/passwd', paths.passwd))
  if (hasGroup) mounts.push(file('/etc/group', paths.group))
  if (request.timezone !== undefined) mounts.push(file('/etc/localtime', timezoneFile(request.timezone)))
  if (paths.init !== undefined)
    mounts.push({ destination: initDestination, type: 'bind', source: paths.init, options: ['bind', 'rprivate', 'ro'] })
  return mounts
}

/** What can be written in a container whose root cannot. */
function scratchMounts({ request }: Inputs): MountSpec[] {
  if (!request.readOnly || !request.readOnlyTmpfs) return []
  return ['/run', '/tmp', '/var/tmp'].map(destination => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['rw', 'rprivate', 'nosuid', 'nodev', 'tmpcopyup'],
  }))
}

/** The host's file of a time zone (tzset(3)); `local` is the host's own. Throws INVALID for a name outside of zoneinfo. */
function timezoneFile(name: string): string {
  if (name === 'local') return '/etc/localtime'
  if (/^[A-Za-z0-9+_-]+(\/[A-Za-z0-9+_-]+)*$/.test(name)) return `/usr/share/zoneinfo/${name}`
  throw new TspodError('INVALID', `--tz "${name}": must be local or a name such as Europe/Berlin`)
}
