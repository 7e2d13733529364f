// What becomes of a container that runs in the background when its user logs out: said once.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '#engine/open.ts'
import { hasUserManager, lingers } from '#host/login.ts'
import { stateFolder } from '#host/paths.ts'
import { hostUser } from '#host/user.ts'
import { log } from '#log.ts'

/** The sentence, the first time that it matters; `undefined` where it does not or was said before. */
export async function logoutHint(engine: Engine): Promise<string | undefined> {
  const { uid, isRoot } = hostUser()
  if (isRoot || !hasUserManager(uid)) return undefined
  const folder = stateFolder()
  const said = folder === undefined ? undefined : join(folder, 'said-what-happens-at-logout')
  if (folder === undefined || said === undefined || existsSync(said)) return undefined
  // what systemd has not put into a group of its own stays when its user leaves (logind.conf(5), KillUserProcesses)
  if ((await engine.cgroups()).manager?.name !== 'systemd' || lingers(uid)) return undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(said, '')
  } catch (error) {
    log.debug(`remembering what was said: ${String(error)}`) // then it is said again
  }
  return 'this container ends with your systemd user manager, which may be when you log out; `loginctl enable-linger` keeps that running'
}
