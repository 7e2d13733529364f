// Which namespaces are made and which are joined (config-linux.md, Namespaces). Pure.
import { TspodError } from '#errors.ts'
import type { LinuxSpec, NamespaceSpec, NamespaceType } from '#oci/runtime-spec.ts'
import * as flag from '#sys/flags.ts'

export interface NamespacePlan {
  /** Flags of the clone(2) that makes process 1. */
  cloneFlags: number
  /** To be joined before, in this order: the user namespace that owns the others first. */
  join: { type: NamespaceType; path: string; flag: number }[]
  /** A new user namespace whose maps are to be written. */
  hasNewUser: boolean
  /** CLONE_NEWTIME works by unshare(2) for the children only. */
  hasNewTime: boolean
}

const flags: Record<NamespaceType, number> = {
  user: flag.CLONE_NEWUSER,
  ipc: flag.CLONE_NEWIPC,
  uts: flag.CLONE_NEWUTS,
  network: flag.CLONE_NEWNET,
  pid: flag.CLONE_NEWPID,
  cgroup: flag.CLONE_NEWCGROUP,
  time: flag.CLONE_NEWTIME,
  mount: flag.CLONE_NEWNS,
}

/** The order in which they can be joined: user first, mount last (setns(2)). */
const joinOrder: readonly NamespaceType[] = ['user', 'ipc', 'uts', 'network', 'pid', 'cgroup', 'time', 'mount']

export function planNamespaces(linux: LinuxSpec): NamespacePlan {
  const wanted = new Map<NamespaceType, NamespaceSpec>()
  for (const namespace of linux.namespaces ?? []) {
    if (wanted.has(namespace.type)) throw new TspodError('INVALID', `linux.namespaces names "${namespace.type}" twice`)
    wanted.set(namespace.type, namespace)
  }
  if (!wanted.has('mount'))
    throw new TspodError('INVALID', 'linux.namespaces has no "mount": a container needs mounts of its own')
  const created = [...wanted.values()].filter(({ path }) => path === undefined)
  return {
    cloneFlags: created.filter(({ type }) => type !== 'time').reduce((sum, { type }) => sum | flags[type], 0),
    join: joinOrder.flatMap(type => {
      const path = wanted.get(type)?.path
      return path === undefined ? [] : [{ type, path, flag: flags[type] }]
    }),
    hasNewUser: created.some(({ type }) => type === 'user'),
    hasNewTime: created.some(({ type }) => type === 'time'),
  }
}

/** The text of /proc/PID/uid_map for OCI mappings. */
export function formatMappings(mappings: readonly { containerID: number; hostID: number; size: number }[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')
}
