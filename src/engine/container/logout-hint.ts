// What becomes of a container that runs in the background when its user logs out: said once.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '#engine/open.ts'
import { stateFolder } from '#host/paths.ts'
import { hostUser, passwdEntry } from '#host/user.ts'
import { log } from '#log.ts'

/** The sentence, the first time that it matters; `undefined` where it does not or was said before. */
export async function logoutHint(engine: Engine): Promise<string | undefined> {
  const { uid, isRoot } = hostUser()
  // logind(8) writes the first for who is logged in or lingers; its manager ends with the last session
  if (isRoot || !existsSync(`/run/systemd/users/${uid}`)) return undefined
  const said = join(stateFolder() ?? '/nowhere', 'said-what-happens-at-logout')
  if (existsSync(said)) return undefined
  if ((await engine.cgroups()).manager?.name !== 'systemd' || lingers(uid)) return undefined
  try {
    mkdirSync(join(said, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(said, '')
  } catch (error) {
    log.debug(`remembering what was said: ${String(error)}`) // then it is said again
  }
  return 'this container is stopped when you log out; `loginctl enable-linger` lets your containers go on'
}

/** loginctl(1) enable-linger leaves a file with the user's name. */
function lingers(uid: number): boolean {
  const name = passwdEntry(uid)?.name
  return name !== undefined && existsSync(`/var/lib/systemd/linger/${name}`)
}
