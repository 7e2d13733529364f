// Whether this user may create user namespaces, and what stands in the way. The same words serve `doctor` and the hints of errors.
import { hasNamespaceKind, kernelRelease, readSysctlNumber } from './kernel.ts'
import type { Obstacle } from './obstacle.ts'
import { appArmorInstallCommand, readAppArmorFacts } from './security-modules.ts'

export interface UserNamespaceFacts {
  isBuiltIn: boolean
  kernel: string
  /** user.max_user_namespaces (namespaces(7)); absent before Linux 4.9 */
  maxUserNamespaces: number | undefined
  /** kernel.unprivileged_userns_clone of Debian and Arch kernels */
  unprivilegedClone: number | undefined
  appArmor: { restrictsUserNamespaces: boolean; profile: string | undefined }
  isRoot: boolean
  /** The file that an AppArmor profile has to name. */
  executable: string
}

export function readUserNamespaceFacts(isRoot: boolean): UserNamespaceFacts {
  return {
    isBuiltIn: hasNamespaceKind('user'),
    kernel: kernelRelease().text,
    maxUserNamespaces: readSysctlNumber('user.max_user_namespaces'),
    unprivilegedClone: readSysctlNumber('kernel.unprivileged_userns_clone'),
    appArmor: readAppArmorFacts(),
    isRoot,
    executable: process.execPath,
  }
}

/** What forbids user namespaces here; `undefined` when nothing known does. Pure. */
export function userNamespaceObstacle(facts: UserNamespaceFacts): Obstacle | undefined {
  if (!facts.isBuiltIn)
    return {
      found: `kernel ${facts.kernel} has no user namespaces`,
      mend: { command: 'boot a kernel built with CONFIG_USER_NS=y', who: 'administrator' },
    }
  if (facts.maxUserNamespaces === 0)
    return {
      found: 'the sysctl user.max_user_namespaces is 0',
      mend: { command: setSysctl('user.max_user_namespaces', 65_536), who: 'administrator' },
    }
  if (facts.unprivilegedClone === 0 && !facts.isRoot)
    return {
      found: 'the sysctl kernel.unprivileged_userns_clone is 0',
      mend: { command: setSysctl('kernel.unprivileged_userns_clone', 1), who: 'administrator' },
    }
  const { restrictsUserNamespaces, profile } = facts.appArmor
  if (restrictsUserNamespaces && !facts.isRoot && (profile === undefined || profile.startsWith('unconfined')))
    return {
      found: `AppArmor takes all capabilities away in user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1), and no profile allows "${facts.executable}"`,
      mend: { command: appArmorInstallCommand(facts.executable), who: 'administrator' },
    }
  return undefined
}

/** Sets a kernel setting now and at every boot (sysctl.d(5)). */
export function setSysctl(name: string, value: number): string {
  const file = `/etc/sysctl.d/90-${name}.conf`
  return `echo '${name} = ${value}' | sudo tee ${file} && sudo sysctl -p ${file}`
}
