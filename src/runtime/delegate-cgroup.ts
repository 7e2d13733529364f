// A control group that can be written inside, given to a root who is not its owner: with ids of its own, the container's root is another
// user than the caller, whose group it is (cgroup-v2.rst, Delegation). Pure.
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { AT_FDCWD } from '#sys/flags.ts'
import { type Call, call } from '#sys/servant/batch.ts'

/** What whoever manages a subtree writes to. */
const files = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control']

/**
 * The calls, for a servant with the ids of both, that let the container's root make groups in its own. It stays the caller's, so that
 * the caller, and systemd for the caller, still have their ways in.
 */
export function delegationCalls({ mounts = [], linux }: Pick<RuntimeSpec, 'mounts' | 'linux'>, folder: string): Call[] {
  const mount = mounts.find(({ type }) => type === 'cgroup')
  const root = linux?.gidMappings?.find(({ containerID }) => containerID === 0)?.hostID
  if (root === undefined || mount === undefined || mount.options?.includes('ro') === true) return []
  return [...give(folder, root, 0o775), ...files.flatMap(file => give(`${folder}/${file}`, root, 0o664))]
}

function give(path: string, gid: number, mode: number): Call[] {
  return [call('fchownat', AT_FDCWD, path, -1, gid, 0), call('fchmodat', AT_FDCWD, path, mode)]
}
