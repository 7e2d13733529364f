// Resource limits by number (asm-generic/resource.h; the same on x86-64 and arm64).

/** Index is the kernel's number; names as `--ulimit` takes them. */
export const rlimitNames: readonly string[] = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
]

/** RLIM_INFINITY, 2^64-1, as JSON numbers can hold it. */
export const unlimited = 2 ** 64

/** The kernel's number of `RLIMIT_NOFILE`, `undefined` for an unknown one. */
export function rlimitNumber(type: string): number | undefined {
  const index = type.startsWith('RLIMIT_') ? rlimitNames.indexOf(type.slice(7).toLowerCase()) : -1
  return index < 0 ? undefined : index
}
