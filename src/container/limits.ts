// Resource limits, kernel parameters and the out-of-memory score of a container. Pure.
import { TspodError } from '#errors.ts'
import type { NamespaceSpec, RlimitSpec } from '#oci/runtime-spec.ts'
import { canonicalSysctl, sysctlNamespace } from '#oci/sysctl.ts'
import { parseUlimit } from './options/ulimit.ts'

/** --ulimit over containers.conf's over the caller's hard limits for files and processes; `host` leaves all as they are. */
export function planRlimits(
  texts: readonly string[],
  defaults: readonly RlimitSpec[],
  host: readonly RlimitSpec[],
): RlimitSpec[] {
  const asked = texts.map(parseUlimit)
  if (asked.includes('host')) {
    if (asked.length > 1) throw new TspodError('INVALID', '--ulimit host cannot be combined with another --ulimit')
    return []
  }
  const limits = new Map<string, RlimitSpec>()
  for (const { type, hard } of host)
    if (type === 'RLIMIT_NOFILE' || type === 'RLIMIT_NPROC') limits.set(type, { type, soft: hard, hard })
  for (const limit of defaults) limits.set(limit.type, atMost(limit, host))
  for (const limit of asked) {
    if (limit === 'host') continue
    limits.set(limit.type, withinHost(limit, host))
  }
  return [...limits.values()]
}

/** A default above what the caller may have is lowered, as podman does for rootless users. */
function atMost(limit: RlimitSpec, host: readonly RlimitSpec[]): RlimitSpec {
  const highest = host.find(({ type }) => type === limit.type)?.hard ?? limit.hard
  return { ...limit, soft: Math.min(limit.soft, highest), hard: Math.min(limit.hard, highest) }
}

/** What was asked for by name is never silently less. */
function withinHost(limit: RlimitSpec, host: readonly RlimitSpec[]): RlimitSpec {
  const highest = host.find(({ type }) => type === limit.type)?.hard
  if (highest === undefined || limit.hard <= highest) return limit
  const name = limit.type.slice(7).toLowerCase()
  throw new TspodError('DENIED', `--ulimit ${name}: a hard limit of ${limit.hard} is above yours, ${highest}`, {
    hint: 'only an administrator can raise it: see limits.conf(5), or LimitNOFILE= and its kin in systemd.exec(5)',
  })
}

/**
 * --sysctl over the defaults; a default whose namespace is shared, or whose groups there are not, is left out, one that was asked for
 * is refused.
 */
export function planSysctls(
  asked: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>>,
  namespaces: readonly NamespaceSpec[],
  hasGroup: (gid: number) => boolean,
): Record<string, string> {
  const hasOwn = (name: string) =>
    namespaces.some(({ type, path }) => type === sysctlNamespace(name) && path === undefined)
  const sysctls: Record<string, string> = {}
  for (const [name, value] of Object.entries(defaults))
    if (hasOwn(canonicalSysctl(name)) && (name !== pingGroups || groupsOf(value).every(hasGroup)))
      sysctls[canonicalSysctl(name)] = value
  for (const [text, value] of Object.entries(asked)) {
    const name = canonicalSysctl(text)
    const type = sysctlNamespace(name)
    if (type === undefined)
      throw new TspodError('INVALID', `sysctl "${text}" is not allowed: it holds for the whole machine`, {
        hint: 'containers can set net.*, fs.mqueue.*, and kernel.* of message queues, semaphores and shared memory',
      })
    if (name === 'kernel.hostname')
      throw new TspodError('INVALID', 'sysctl "kernel.hostname" is not allowed: use --hostname')
    if (!hasOwn(name))
      throw new TspodError(
        'INVALID',
        `sysctl "${text}" is not allowed: the container does not have a ${type} namespace of its own`,
      )
    sysctls[name] = value
  }
  return sysctls
}

/** Takes two gids that the user namespace must have (ip-sysctl). */
const pingGroups = 'net.ipv4.ping_group_range'

function groupsOf(range: string): number[] {
  return range.trim().split(/\s+/).map(Number)
}

/** --oom-score-adj; nobody without privilege goes below the caller's (proc(5), oom_score_adj). */
export function planOomScore(asked: number | undefined, callers: number): number | undefined {
  if (asked === undefined) return undefined
  if (!Number.isInteger(asked) || asked < -1000 || asked > 1000)
    throw new TspodError('INVALID', `--oom-score-adj ${asked}: must be a whole number, -1000 to 1000`)
  if (asked < callers)
    throw new TspodError(
      'DENIED',
      `--oom-score-adj ${asked}: a user can only raise it, and this process has ${callers}`,
    )
  return asked
}
