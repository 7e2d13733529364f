// Masked paths, labels and profiles of the host's security modules. Pure.
import { TspodError } from '#errors.ts'
import type { HostFacts } from './inputs.ts'
import type { SecurityOptions } from './security-options.ts'

const masked = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
]

const readOnly = ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** The paths to hide and to freeze: podman's, less `unmask`, and `mask`; --privileged has none but those asked for. */
export function planMaskedPaths(
  privileged: boolean,
  { mask, unmask }: Pick<SecurityOptions, 'mask' | 'unmask'>,
): { maskedPaths: string[]; readonlyPaths: string[] } {
  const isKept = (path: string) => !privileged && !unmask.some(each => each === 'ALL' || glob(each).test(path))
  return {
    maskedPaths: [...new Set([...masked.filter(isKept), ...mask])],
    readonlyPaths: readOnly.filter(isKept),
  }
}

/** `*` and `?` within one part of a path (glob(7)). */
function glob(text: string): RegExp {
  const source = text
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  return new RegExp(`^${source}$`)
}

export interface LabelPlan {
  apparmorProfile?: string
  selinuxLabel?: string
  mountLabel?: string
  /** what was asked for and means nothing on this machine */
  warnings: string[]
}

/** AppArmor's profile and SELinux' labels, where the host has the module; a named profile without it is refused. */
export function planLabels(
  privileged: boolean,
  options: Pick<SecurityOptions, 'apparmor' | 'label'>,
  host: Pick<HostFacts, 'apparmor' | 'selinux'>,
  defaultProfile: string | undefined,
): LabelPlan {
  const plan: LabelPlan = { warnings: [] }
  const profile = options.apparmor ?? (privileged ? 'unconfined' : defaultProfile)
  if (profile !== undefined && profile !== 'unconfined') {
    if (host.apparmor) plan.apparmorProfile = profile
    else if (options.apparmor !== undefined)
      throw new TspodError(
        'UNSUPPORTED',
        `apparmor profile "${profile}" specified, but AppArmor is not enabled on this machine`,
      )
  }
  const { disabled, fileType, ...parts } = options.label
  if (host.selinux === undefined) {
    if (fileType !== undefined || Object.keys(parts).length > 0)
      plan.warnings.push('--security-opt label: SELinux is not enabled on this machine, so there are no labels')
    return plan
  }
  if (disabled || privileged) return plan
  const [user, role, type, ...level] = host.selinux.processLabel.split(':')
  const [fileUser, fileRole, type0, ...fileLevel] = host.selinux.mountLabel.split(':')
  const levelText = parts.level ?? level.join(':')
  plan.selinuxLabel = [parts.user ?? user, parts.role ?? role, parts.type ?? type, levelText].join(':')
  plan.mountLabel = [fileUser, fileRole, fileType ?? type0, parts.level ?? fileLevel.join(':')].join(':')
  return plan
}
