// The kernel's clocks with their full resolution: JavaScript's own wall clock has milliseconds only.
import { formatTimestamp } from '#oci/timestamp.ts'
import { syscall } from './call.ts'

const CLOCK_REALTIME = 0
const CLOCK_BOOTTIME = 7
const now = new BigInt64Array(2)

function read(clock: number): bigint {
  syscall('clock_gettime', clock, now)
  return (now[0] ?? 0n) * 1_000_000_000n + (now[1] ?? 0n)
}

/** Nanoseconds since 1970 (clock_gettime(2), CLOCK_REALTIME); it jumps when somebody sets the clock. */
export function wallClockNs(): bigint {
  return read(CLOCK_REALTIME)
}

/** Nanoseconds since boot, suspension included (CLOCK_BOOTTIME); it never jumps. */
export function bootClockNs(): bigint {
  return read(CLOCK_BOOTTIME)
}

/** Now, as RFC 3339 text with nanoseconds. */
export function nowTimestamp(): string {
  return formatTimestamp(wallClockNs())
}
