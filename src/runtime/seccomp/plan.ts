// What seccomp(2) is to be called with. Pure.
import { TspodError } from '#errors.ts'
import type { SeccompSpec } from '#oci/runtime-spec.ts'
import { precompiled } from './precompiled.ts'

export interface SeccompPlan {
  /** struct sock_filter[] */
  filter: Uint8Array
  /** SECCOMP_FILTER_FLAG_… */
  flags: number
}

// linux/seccomp.h. TSYNC means nothing to a process with one thread.
const flagBits: Record<string, number> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
}

/** The filter and flags of `linux.seccomp`. Rejects with INVALID for an unknown flag, UNSUPPORTED for a listener. */
export async function planSeccomp(seccomp: SeccompSpec, processor: string): Promise<SeccompPlan> {
  const notifies = [seccomp.defaultAction, ...(seccomp.syscalls ?? []).map(({ action }) => action)]
  if (seccomp.listenerPath || notifies.includes('SCMP_ACT_NOTIFY'))
    throw new TspodError('UNSUPPORTED', 'seccomp: listeners (SCMP_ACT_NOTIFY, listenerPath) are not implemented yet')
  let flags = 0
  for (const flag of seccomp.flags ?? []) {
    const bit = flagBits[flag]
    if (bit === undefined)
      throw new TspodError(
        'INVALID',
        `seccomp: unknown flag "${flag}", must be one of ${Object.keys(flagBits).join(', ')}`,
      )
    flags |= bit
  }
  return { filter: await filterOf(seccomp, processor), flags }
}

/** The default profile's filters are there already; another one is compiled. */
async function filterOf(seccomp: SeccompSpec, processor: string): Promise<Uint8Array> {
  const text = JSON.stringify(seccomp)
  const known = precompiled.find(each => each.processor === processor && each.spec === text)
  if (known !== undefined) return Buffer.from(known.filter, 'base64')
  const { compileSeccomp } = await import('./compile.ts')
  return compileSeccomp(seccomp, processor)
}
