// Checks: control groups, lingering, the runtime folder, the clock.
import type { Check } from '#engine/contracts/system.ts'
import type { CgroupFacts } from '#host/cgroup.ts'
import { longestSocketPath, type RuntimeFolder } from '#host/paths.ts'
import { administrator, checking, you } from './check.ts'

const usualControllers = ['cpu', 'memory', 'pids']

/** The version of control groups, and which controllers were delegated to the user. */
export function checkCgroups(facts: CgroupFacts, isRoot: boolean): Check {
  const check = checking(
    'control groups',
    'limits of memory, processors and processes need them; all else works without',
  )
  const { version, delegatedControllers, controllers } = facts
  if (version === 'none') return check.warn('none are mounted: no limits')
  if (version !== 'v2')
    return check.warn(
      version === 'hybrid' ? 'version 1, with an empty version 2 beside it: no limits' : 'version 1: no limits',
      administrator('boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line'),
    )
  if (isRoot) return check.ok(`version 2: ${controllers.join(' ')}`)
  if (delegatedControllers.length === 0)
    return check.warn(
      'version 2, but no part of it is yours: there is no systemd user manager',
      you('log in through ssh or a console'),
    )
  const lacking = usualControllers.filter(each => !delegatedControllers.includes(each))
  if (lacking.length === 0) return check.ok(`version 2, yours: ${delegatedControllers.join(' ')}`)
  return check.warn(
    `version 2, yours: ${delegatedControllers.join(' ')}; not ${lacking.join(' ')}`,
    administrator(delegateCommand),
  )
}

const delegateCommand = `sudo mkdir -p /etc/systemd/system/user@.service.d && sudo tee /etc/systemd/system/user@.service.d/delegate.conf <<'END' && sudo systemctl daemon-reload
[Service]
Delegate=cpu cpuset io memory pids
END`

/** Whether containers outlive the login session (loginctl(1), enable-linger). */
export function checkLingering(facts: {
  hasSystemd: boolean
  lingers: boolean
  isRoot: boolean
  userName: string
}): Check {
  const check = checking('lingering', 'without it systemd ends your containers when you log out')
  if (facts.isRoot) return check.skip('root has no session to end')
  if (!facts.hasSystemd) return check.skip('no systemd that would end them')
  return facts.lingers ? check.ok('on') : check.warn('off', you(`loginctl enable-linger ${facts.userName}`))
}

/** The folder for sockets: whose it is, and whether a socket's path fits. */
export function checkRuntimeFolder(folder: RuntimeFolder, fault: string | undefined, socketPathBytes: number): Check {
  const check = checking(
    'runtime folder',
    'attach sockets and the process that keeps your user namespace are found there',
  )
  const { path, kind } = folder
  if (fault !== undefined) return check.fail(`"${path}" ${fault}`, you('export XDG_RUNTIME_DIR=$(mktemp -d)'))
  if (socketPathBytes > longestSocketPath)
    return check.warn(
      `socket paths below "${path}" have ${socketPathBytes} bytes, ${longestSocketPath} fit without a detour`,
      you('use a shorter --runroot or XDG_RUNTIME_DIR'),
    )
  if (kind === 'private')
    return check.warn(
      `"${path}", since there is no XDG_RUNTIME_DIR`,
      you('log in through ssh or a console, rather than su or sudo'),
    )
  return check.ok(`"${path}"`)
}

/** A clock behind the time at which tspod was built is wrong. */
export function checkClock(nowMs: number, builtMs: number): Check {
  const check = checking('clock', 'registries are refused when their certificates seem not valid yet')
  const now = new Date(nowMs).toISOString()
  if (nowMs < builtMs)
    return check.warn(
      `it says ${now}, but this tspod is from ${new Date(builtMs).toISOString()}`,
      administrator('sudo timedatectl set-ntp true'),
    )
  return check.ok(now)
}
