// Whether newuidmap and newgidmap get the privileges that they need: the same words serve `doctor` and the errors of id maps.
import type { ProgramPrivileges } from './helper-programs.ts'
import type { Obstacle } from './obstacle.ts'

export type MapHelper = 'newuidmap' | 'newgidmap'

export interface MapHelperFacts {
  path: string
  privileges: ProgramPrivileges
}

/** The file capability that serves instead of the set-uid bit. */
export const mapCapability: Record<MapHelper, string> = { newuidmap: 'cap_setuid', newgidmap: 'cap_setgid' }

/** What keeps a map helper from its privileges; `undefined` where nothing known does. Pure. */
export function mapHelperObstacle(
  name: MapHelper,
  { path, privileges }: MapHelperFacts,
  noNewPrivileges: boolean,
): Obstacle | undefined {
  const capability = mapCapability[name]
  if (!privileges.isSetUidRoot && !privileges.capabilities.includes(capability))
    return {
      found: `"${path}" has neither the set-uid bit nor the capability ${capability}`,
      mend: { command: `sudo setcap ${capability}=ep ${path}`, who: 'administrator' },
    }
  if (privileges.isOnNosuidMount)
    return {
      found: `"${path}" is on a file system mounted nosuid, where it gets no privileges`,
      mend: { command: `sudo mount -o remount,suid "$(findmnt -n -o TARGET -T ${path})"`, who: 'administrator' },
    }
  if (noNewPrivileges)
    return {
      found: 'this process was started with no_new_privs, so set-uid programs get no privileges',
      mend: { command: 'start tspod from a login shell, or a service without NoNewPrivileges=yes', who: 'you' },
    }
  return undefined
}
