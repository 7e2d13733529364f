// Resource limits as prlimit64(2) takes them. Pure.
import { TspodError } from '#errors.ts'
import { rlimitNumber } from '#oci/rlimit.ts'
import type { RlimitSpec } from '#oci/runtime-spec.ts'

export interface RlimitStep {
  type: string
  resource: number
  /** struct rlimit64: soft, hard; little endian */
  limits: Uint8Array
  /** `soft:hard` as prlimit(1) takes them */
  text: string
}

/** One step for each limit. Throws INVALID for an unknown type or one named twice (runtime-spec, POSIX process). */
export function planRlimits(rlimits: readonly RlimitSpec[] = []): RlimitStep[] {
  const seen = new Set<string>()
  return rlimits.map(({ type, soft, hard }) => {
    const resource = rlimitNumber(type)
    if (resource === undefined) throw new TspodError('INVALID', `rlimit "${type}": no such resource (setrlimit(2))`)
    if (seen.has(type)) throw new TspodError('INVALID', `rlimit "${type}" is given twice`)
    if (soft > hard)
      throw new TspodError('INVALID', `rlimit "${type}": the soft limit ${soft} is above the hard limit ${hard}`)
    seen.add(type)
    const view = new DataView(new ArrayBuffer(16))
    view.setBigUint64(0, limit(soft), true)
    view.setBigUint64(8, limit(hard), true)
    return { type, resource, limits: new Uint8Array(view.buffer), text: `${limitText(soft)}:${limitText(hard)}` }
  })
}

const infinity = 2n ** 64n - 1n

function limitText(value: number): string {
  return limit(value) === infinity ? 'unlimited' : String(value)
}

/** RLIM_INFINITY arrives from JSON as 2^64; nothing real is as large as 2^63. */
function limit(value: number): bigint {
  return value >= 2 ** 63 ? infinity : BigInt(value)
}
