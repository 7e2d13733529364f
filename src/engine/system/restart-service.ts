// system restart-service: containers with --restart=always start with the machine.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemctl } from '#engine/quadlet/systemctl.ts'
import { unitFolder } from '#engine/quadlet/write-units.ts'
import { during } from '#errors.ts'
import { programWords } from '#host/executable.ts'
import { lingers } from '#host/login.ts'
import { hostUser } from '#host/user.ts'
import { restartServiceName, restartServiceText } from '#systemd/restart-service.ts'

/** Writes the service and enables it: its path, and what is still missing for it to run at boot. */
export function installRestartService(): { path: string; note?: string } {
  const folder = unitFolder()
  const path = join(folder, restartServiceName)
  try {
    mkdirSync(folder, { recursive: true })
    const staged = `${path}.${process.pid}`
    writeFileSync(staged, restartServiceText(programWords()), { mode: 0o644 })
    renameSync(staged, path)
  } catch (error) {
    throw during(`writing "${path}"`, error)
  }
  systemctl('daemon-reload')
  systemctl('enable', restartServiceName)
  const { isRoot, uid } = hostUser()
  return isRoot || lingers(uid)
    ? { path }
    : { path, note: 'your services start when you log in; `loginctl enable-linger` has them start with the machine' }
}

/** Disables it and removes it. One that is not there is fine. */
export function removeRestartService(): void {
  const path = join(unitFolder(), restartServiceName)
  rmSync(join(unitFolder(), 'default.target.wants', restartServiceName), { force: true })
  rmSync(path, { force: true })
  systemctl('daemon-reload')
}
