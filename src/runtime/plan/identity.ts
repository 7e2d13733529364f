// Whom the container's process runs as: groups, gid, uid, umask, in the order the kernel needs. Pure.
import { TspodError } from '#errors.ts'
import type { IdMappingSpec, LinuxSpec, ProcessSpec } from '#oci/runtime-spec.ts'

export interface IdentityPlan {
  /** gid_t words for setgroups(2), and how many; `undefined` where the kernel forbids the call (user_namespaces(7)) */
  groups: { list: Uint8Array; count: number } | undefined
  gid: number
  uid: number
  umask: number | undefined
  /** PR_SET_KEEPCAPS before setresuid(2), so that capset(2) can still choose */
  keepCapabilities: boolean
}

export interface IdentityFacts {
  /** /proc/PID/setgroups says deny, or the supplementary groups of the caller are to be kept */
  keepGroups: boolean
}

/** Throws INVALID for an id that the container's user namespace does not map, or groups that cannot be set. */
export function planIdentity(process: ProcessSpec, linux: LinuxSpec, facts: IdentityFacts): IdentityPlan {
  const { uid, gid, umask, additionalGids = [] } = process.user
  const isMapped = linux.namespaces?.some(({ type, path }) => type === 'user' && path === undefined) ?? false
  if (isMapped) {
    requireMapped('user', uid, linux.uidMappings)
    for (const each of [gid, ...additionalGids]) requireMapped('group', each, linux.gidMappings)
  }
  const groups = [...new Set(additionalGids)]
  if (facts.keepGroups && groups.some(each => each !== gid))
    throw new TspodError('INVALID', `additional groups ${groups.join(', ')} cannot be set in this user namespace`, {
      hint: 'setgroups(2) is denied where only one id is mapped, or when groups of the caller are kept',
    })
  return {
    groups: facts.keepGroups
      ? undefined
      : { list: new Uint8Array(Uint32Array.from(groups).buffer), count: groups.length },
    gid,
    uid,
    umask,
    keepCapabilities: uid !== 0,
  }
}

function requireMapped(kind: 'user' | 'group', id: number, mappings: readonly IdMappingSpec[] = []): void {
  if (mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size)) return
  const known = mappings.map(({ containerID, size }) => `${containerID}-${containerID + size - 1}`).join(', ')
  throw new TspodError(
    'INVALID',
    `${kind} id ${id} is not mapped in the container's user namespace, which has ${known || 'none'}`,
    {
      hint: '--userns keep-id:uid=ID,gid=ID makes you that user in the container; more subordinate ids would map it too, and `tspod doctor` prints who adds them how',
    },
  )
}
