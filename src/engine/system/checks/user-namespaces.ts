// Checks: may this user create user namespaces, and may set-uid helpers widen them.
import type { Check } from '#engine/contracts/system.ts'
import type { HelperName } from '#host/helper-programs.ts'
import { type MapHelper, type MapHelperFacts, mapCapability, mapHelperObstacle } from '#host/map-helpers.ts'
import { type UserNamespaceFacts, userNamespaceObstacle } from '#host/user-namespaces.ts'
import { administrator, checking } from './check.ts'

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

/** newuidmap or newgidmap: there, with its set-uid bit or file capability, on a file system where these count. */
export function checkMapHelper(
  name: MapHelper,
  helper: MapHelperFacts | undefined,
  install: (helper: HelperName) => string,
  facts: { isRoot: boolean; noNewPrivileges: boolean },
): Check {
  const what = name === 'newuidmap' ? 'user' : 'group'
  const check = checking(name, `it maps your subordinate ${what} ids; without it a container has a single ${what} id`)
  if (facts.isRoot) return check.skip('root maps ids itself')
  if (helper === undefined) return check.fail('not found', administrator(install(name)))
  const obstacle = mapHelperObstacle(name, helper, facts.noNewPrivileges)
  if (obstacle !== undefined) return check.blocked(obstacle)
  const { path, privileges } = helper
  return check.ok(`${path}, ${privileges.isSetUidRoot ? 'set-uid root' : `with ${mapCapability[name]}`}`)
}
