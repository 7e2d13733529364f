// Resource limits and the terminal of this very process.
import { rlimitNumber } from '#oci/rlimit.ts'
import type { RlimitSpec } from '#oci/runtime-spec.ts'
import { syscall } from '#sys/call.ts'
import { readWindowSize } from '#sys/terminal.ts'

/** This process's limit, by prlimit64(2). RLIM_INFINITY becomes 2^64. */
export function readLimit(type: string): RlimitSpec {
  const limits = new BigUint64Array(2)
  syscall('prlimit64', 0, rlimitNumber(type) ?? 0, 0, limits)
  return { type, soft: Number(limits[0] ?? 0n), hard: Number(limits[1] ?? 0n) }
}

/** Raises this process's soft limit to the hard one. */
export function raiseLimit(type: string): void {
  const number = rlimitNumber(type) ?? 0
  const limits = new BigUint64Array(2)
  syscall('prlimit64', 0, number, 0, limits)
  limits[0] = limits[1] ?? 0n
  syscall('prlimit64', 0, number, limits, 0)
}

/** The size of the terminal behind standard input or output, as a spec has it; `undefined` where there is none. */
export function terminalSize(): { height: number; width: number } | undefined {
  const size = readWindowSize(0) ?? readWindowSize(1)
  return size === undefined ? undefined : { height: size.rows, width: size.columns }
}
