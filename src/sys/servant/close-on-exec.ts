// Marking all descriptors of a servant close-on-exec, so that nothing leaks into what it executes (CVE-2024-21626).
import { trySyscall } from '#sys/call.ts'
import { type Call, call, tolerate } from './batch.ts'

const CLOSE_RANGE_CLOEXEC = 4
const F_SETFD = 2
const FD_CLOEXEC = 1
const LAST = 0xffff_ffff
/** What a servant inherits, or keeps open on purpose, has lower numbers; what it opens itself is close-on-exec from the start. */
const HIGHEST_INHERITED = 1023

let hasRange: boolean | undefined

/** From `first` on: close_range(2) with CLOSE_RANGE_CLOEXEC (Linux 5.11), one descriptor after the other where there is none. */
export function closeOnExecFrom(first: number): Call[] {
  hasRange ??= trySyscall('close_range', LAST, LAST, CLOSE_RANGE_CLOEXEC) === 0
  if (hasRange) return [call('close_range', first, LAST, CLOSE_RANGE_CLOEXEC)]
  return Array.from({ length: Math.max(0, HIGHEST_INHERITED + 1 - first) }, (_, index) =>
    tolerate('EBADF', call('fcntl', first + index, F_SETFD, FD_CLOEXEC)),
  )
}
