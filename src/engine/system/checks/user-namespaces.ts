// Checks: may this user create user namespaces, and may set-uid helpers widen them.
import type { Check } from '#engine/contracts/system.ts'
import type { HelperName, ProgramPrivileges } from '#host/helper-programs.ts'
import { type UserNamespaceFacts, userNamespaceObstacle } from '#host/user-namespaces.ts'
import { administrator, checking, you } from './check.ts'

/** Sysctls, AppArmor, the kernel's configuration. */
export function checkUserNamespaces(facts: UserNamespaceFacts): Check {
  const check = checking('user namespaces', 'without one a normal user can neither mount nor be root in a container')
  const obstacle = userNamespaceObstacle(facts)
  if (obstacle !== undefined) return check.blocked(obstacle)
  const { maxUserNamespaces } = facts
  return check.ok(maxUserNamespaces === undefined ? 'allowed' : `allowed, ${maxUserNamespaces} at most`)
}

/** `user.max_user_namespaces` can be there and still be too small for a hundred containers. */
export function checkNamespaceLimit(maxUserNamespaces: number | undefined, command: string): Check {
  const check = checking('number of user namespaces', 'each container has one of its own, nested in yours')
  if (maxUserNamespaces === undefined) return check.skip('this kernel has no limit of its own')
  if (maxUserNamespaces === 0) return check.skip('none are allowed, see user namespaces')
  if (maxUserNamespaces < 100)
    return check.warn(`the sysctl user.max_user_namespaces is ${maxUserNamespaces}`, administrator(command))
  return check.ok(`${maxUserNamespaces}`)
}

export interface HelperFacts {
  path: string
  privileges: ProgramPrivileges
}

/** newuidmap or newgidmap: there, with its set-uid bit or file capability, on a file system where these count. */
export function checkMapHelper(
  name: 'newuidmap' | 'newgidmap',
  helper: HelperFacts | undefined,
  install: (helper: HelperName) => string,
  facts: { isRoot: boolean; noNewPrivileges: boolean },
): Check {
  const what = name === 'newuidmap' ? 'user' : 'group'
  const check = checking(name, `it maps your subordinate ${what} ids; without it a container has a single ${what} id`)
  if (facts.isRoot) return check.skip('root maps ids itself')
  if (helper === undefined) return check.fail('not found', administrator(install(name)))
  const { path, privileges } = helper
  const capability = name === 'newuidmap' ? 'cap_setuid' : 'cap_setgid'
  if (!privileges.isSetUidRoot && !privileges.capabilities.includes(capability))
    return check.fail(
      `"${path}" has neither the set-uid bit nor the capability ${capability}`,
      administrator(`sudo setcap ${capability}=ep ${path}`),
    )
  if (privileges.isOnNosuidMount)
    return check.fail(
      `"${path}" is on a file system mounted nosuid, where it gets no privileges`,
      administrator('install it on a file system that is mounted without nosuid'),
    )
  if (facts.noNewPrivileges)
    return check.fail(
      'this process was started with no_new_privs, so set-uid programs get no privileges',
      you('start tspod from a login shell, or a service without NoNewPrivileges=yes'),
    )
  return check.ok(`${path}, ${privileges.isSetUidRoot ? 'set-uid root' : `with ${capability}`}`)
}
