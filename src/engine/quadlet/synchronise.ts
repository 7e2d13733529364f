// Has systemd know the services of the Quadlet files. A user cannot install a generator (systemd.generator(7) reads none from a home), so
// the services are units of the user's own, unless an administrator has set up tspod as a generator.
import { readdirSync } from 'node:fs'
import type { CommandCheck } from '#engine/contracts/quadlet.ts'
import { errnoOf, TspodError } from '#errors.ts'
import { hostUser } from '#host/user.ts'
import { systemctl } from './systemctl.ts'
import { checkedServices } from './translate.ts'
import { unitFolder, writeUnits } from './write-units.ts'

/** Writes the services and tells systemd. Gives what could not be written, each with its reason. */
export async function synchroniseUnits(check: CommandCheck, reload: boolean): Promise<TspodError[]> {
  const checked = await checkedServices(check)
  const isGenerated = hasGenerator()
  const services = isGenerated ? { ...checked, services: [], networkWaiter: undefined } : checked
  const conflicts = writeUnits(unitFolder(), services)
  if (reload) systemctl('daemon-reload')
  return [...checked.failures, ...conflicts]
}

/** The role of a generator: services into the first of the folders that systemd gives (systemd.generator(7)). */
export async function generateUnits(check: CommandCheck, folder: string): Promise<TspodError[]> {
  const checked = await checkedServices(check)
  return [...checked.failures, ...writeUnits(folder, checked)]
}

/** Whether one of the generators that systemd runs is tspod, by its name. */
function hasGenerator(): boolean {
  const kind = hostUser().isRoot ? 'system-generators' : 'user-generators'
  return ['/run/systemd', '/etc/systemd', '/usr/local/lib/systemd', '/usr/lib/systemd'].some(folder => {
    try {
      return readdirSync(`${folder}/${kind}`).some(name => name.startsWith('tspod'))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw new TspodError('INTERNAL', `reading "${folder}/${kind}": ${String(error)}`, { cause: error })
    }
  })
}
