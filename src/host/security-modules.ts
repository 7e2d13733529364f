// AppArmor and SELinux: whether they are on, and how this process is confined.
import { readFileSync } from 'node:fs'
import { readSysctlNumber } from './kernel.ts'

export interface AppArmorFacts {
  isEnabled: boolean
  /** Processes without a profile that allows it get no capabilities in a user namespace (Ubuntu 23.10 and later). */
  restrictsUserNamespaces: boolean
  /** The profile of this process, `unconfined`; `undefined` where AppArmor is off. */
  profile: string | undefined
}

export function readAppArmorFacts(): AppArmorFacts {
  const isEnabled = read('/sys/module/apparmor/parameters/enabled') === 'Y'
  return {
    isEnabled,
    restrictsUserNamespaces: isEnabled && readSysctlNumber('kernel.apparmor_restrict_unprivileged_userns') === 1,
    profile: isEnabled ? (read('/proc/self/attr/apparmor/current') ?? read('/proc/self/attr/current')) : undefined,
  }
}

export type SelinuxMode = 'disabled' | 'permissive' | 'enforcing'

/** The mode of SELinux (selinux(8)): its file system is mounted only where it is on. */
export function selinuxMode(): SelinuxMode {
  const enforce = read('/sys/fs/selinux/enforce')
  if (enforce === undefined) return 'disabled'
  return enforce === '1' ? 'enforcing' : 'permissive'
}

/** The profile that lets one executable use user namespaces without confining it otherwise (apparmor.d(5), Ubuntu 24.04). */
function appArmorProfile(executable: string): string {
  return `abi <abi/4.0>,
include <tunables/global>

profile tspod "${executable}" flags=(unconfined) {
  userns,
  include if exists <local/tspod>
}
`
}

/** One shell command that installs and loads that profile. */
export function appArmorInstallCommand(executable: string): string {
  return `sudo tee /etc/apparmor.d/tspod <<'END' && sudo apparmor_parser -r /etc/apparmor.d/tspod
${appArmorProfile(executable)}END`
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
