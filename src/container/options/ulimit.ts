// --ulimit: `name=soft[:hard]` (run(1), setrlimit(2)).
import { TspodError } from '#errors.ts'
import { rlimitNames, unlimited } from '#oci/rlimit.ts'
import type { RlimitSpec } from '#oci/runtime-spec.ts'

/** `nofile=1024:2048`, -1 for unlimited; `host` keeps the caller's limits. Throws INVALID quoting the text. */
export function parseUlimit(text: string): RlimitSpec | 'host' {
  if (text === 'host') return 'host'
  const [name, soft, hard] = /^([a-z]+)=(-?[0-9]+)(?::(-?[0-9]+))?$/.exec(text)?.slice(1) ?? []
  if (name === undefined || soft === undefined)
    throw new TspodError(
      'INVALID',
      `parsing --ulimit "${text}": must be host or NAME=SOFT[:HARD], such as nofile=1024:2048`,
    )
  if (!rlimitNames.includes(name))
    throw new TspodError(
      'INVALID',
      `parsing --ulimit "${text}": unknown limit "${name}", must be one of ${rlimitNames.join(', ')}`,
    )
  const limits = { soft: limitOf(text, soft), hard: limitOf(text, hard ?? soft) }
  if (limits.soft > limits.hard)
    throw new TspodError(
      'INVALID',
      `parsing --ulimit "${text}": the soft limit ${soft} is above the hard limit ${hard}`,
    )
  return { type: `RLIMIT_${name.toUpperCase()}`, ...limits }
}

function limitOf(text: string, number: string): number {
  const value = Number(number)
  if (value === -1) return unlimited
  if (value >= 0 && value <= unlimited) return value
  throw new TspodError('INVALID', `parsing --ulimit "${text}": ${number} is neither -1 (unlimited) nor a number from 0`)
}
