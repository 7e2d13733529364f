// Checks: what connects a container to the outside.
import type { Check } from '#engine/contracts/system.ts'
import type { Obstacle } from '#host/obstacle.ts'
import { administrator, checking } from './check.ts'

const why = 'it connects containers to the outside; without it only --network none and host work'

/** /dev/net/tun, which both helpers open. */
export function checkTun(obstacle: Obstacle | undefined): Check {
  const check = checking('/dev/net/tun', why)
  return obstacle === undefined ? check.ok('opens') : check.blocked(obstacle)
}

/** A network helper; one of the two is enough. */
export function checkNetworkHelper(
  name: 'slirp4netns' | 'pasta',
  helper: { path: string; version: string | undefined } | undefined,
  facts: { isDefault: boolean; hasOther: boolean; install: string },
): Check {
  const check = checking(name, facts.isDefault ? why : `${why} (the default is the other one)`)
  if (helper !== undefined) return check.ok([helper.path, helper.version].filter(each => each !== undefined).join(', '))
  if (facts.isDefault && !facts.hasOther) return check.fail('not found', administrator(facts.install))
  if (facts.isDefault) return check.warn('not found, though it is the default', administrator(facts.install))
  return check.skip('not found, and not needed')
}
