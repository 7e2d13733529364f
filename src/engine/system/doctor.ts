// `tspod doctor`: each thing the tool needs, found or not, why it matters, and what mends it. Host namespaces; leaves nothing
// behind but the user's namespace, if there was none.
import { existsSync, statSync } from 'node:fs'
import { type Config, openConfig } from '#config/config.ts'
import type { Check } from '#engine/contracts/system.ts'
import { engineSettings } from '#engine/settings.ts'
import { readCgroupFacts } from '#host/cgroup.ts'
import {
  type Device,
  deviceObstacle,
  deviceSurroundings,
  fuseDevice,
  probeDevice,
  tunDevice,
} from '#host/device-file.ts'
import { installCommand, readDistribution } from '#host/distribution.ts'
import { canWriteInto, filesystemOf } from '#host/filesystem.ts'
import {
  findProgram,
  type HelperName,
  isProgram,
  programPrivileges,
  programVersion,
  versionNumber,
} from '#host/helper-programs.ts'
import { hasNoNewPrivileges, isInUserNamespace, kernelRelease } from '#host/kernel.ts'
import type { Obstacle } from '#host/obstacle.ts'
import { privacyFault, socketPathBytes } from '#host/paths.ts'
import { type HostUser, hostUser, passwdEntry } from '#host/user.ts'
import { readUserNamespaceFacts, setSysctl } from '#host/user-namespaces.ts'
import { readIdMap } from '#userns/id-mapping.ts'
import { readRanges, readSubordinateIds, systemIds } from '#userns/subordinate-ids.ts'
import { checkNetworkHelper, checkTun } from './checks/network.ts'
import { checkCgroups, checkClock, checkLingering, checkRuntimeFolder } from './checks/session.ts'
import { checkFuse, checkOverlay, checkStore, type OverlayProbe } from './checks/storage.ts'
import { checkSubordinateIds } from './checks/subordinate-ids.ts'
import { checkMapHelper, checkNamespaceLimit, checkUserNamespaces } from './checks/user-namespaces.ts'
import { tryOverlay } from './try-overlay.ts'
import { systemVersion } from './version.ts'

export interface DoctorOptions {
  /** Tries overlay; by default it is really mounted in the user's namespace. */
  probeOverlay?: () => Promise<OverlayProbe>
}

/** Looks at everything, in the order in which one thing needs the other. Throws only for a configuration that cannot be read. */
export async function runDoctor({ probeOverlay = tryOverlay }: DoctorOptions = {}): Promise<Check[]> {
  const config = await openConfig(engineSettings())
  const user = hostUser()
  const distribution = readDistribution()
  const install = (helper: HelperName): string => installCommand(helper, distribution)
  const overlay = checkOverlay(kernelRelease(), await probeOverlay())
  const checks = [
    ...namespaceChecks(user),
    ...(await mapHelperChecks(user, config, install)),
    ...subordinateIdChecks(user),
    overlay,
    ...fuseChecks(config, install, overlay.status !== 'warn'),
    checkStore(config.storage, filesystemOf(config.storage.graphRoot), {
      isWritable: canWriteInto(config.storage.graphRoot),
      localFolder: localFolder(user),
    }),
    ...networkChecks(config, install),
    ...sessionChecks(user, config),
  ]
  return user.isRoot ? checks.map(forRoot) : checks
}

/** Root is the administrator, and a bare machine has no sudo. */
function forRoot(check: Check): Check {
  if (check.mend === undefined) return check
  return { ...check, mend: { command: check.mend.command.replace(/\bsudo /g, ''), who: 'you' } }
}

function namespaceChecks(user: HostUser): Check[] {
  const facts = readUserNamespaceFacts(user.isRoot)
  return [
    checkUserNamespaces(facts),
    checkNamespaceLimit(facts.maxUserNamespaces, setSysctl('user.max_user_namespaces', 65_536)),
  ]
}

async function mapHelperChecks(
  user: HostUser,
  config: Config,
  install: (helper: HelperName) => string,
): Promise<Check[]> {
  const facts = { isRoot: user.isRoot, noNewPrivileges: hasNoNewPrivileges() }
  const checks: Check[] = []
  for (const name of ['newuidmap', 'newgidmap'] as const) {
    const path = findProgram(name, config.engine.helperBinariesDirs)
    const helper = path === undefined ? undefined : { path, privileges: await programPrivileges(path) }
    checks.push(checkMapHelper(name, helper, install, facts))
  }
  return checks
}

function subordinateIdChecks(user: HostUser): Check[] {
  const ids = readSubordinateIds(user)
  const name = passwdEntry(user.uid)?.name
  return (['uid', 'gid'] as const).map(kind =>
    checkSubordinateIds(kind, {
      user: { ...user, name },
      own: ids[kind],
      source: ids.source,
      all: readRanges(kind),
      systemIds: systemIds(kind),
      ...(isInUserNamespace() && {
        existing: readIdMap('self', kind).map(({ insideId, count }) => ({ start: insideId, count })),
      }),
    }),
  )
}

function fuseChecks(config: Config, install: (helper: HelperName) => string, hasOverlay: boolean): Check[] {
  const program = config.storage.mountProgram ?? findProgram('fuse-overlayfs', config.engine.helperBinariesDirs)
  return checkFuse(obstacleOf(fuseDevice), program, install('fuse-overlayfs'), !hasOverlay)
}

function networkChecks(config: Config, install: (helper: HelperName) => string): Check[] {
  const names = ['slirp4netns', 'pasta'] as const
  const paths = names.map(name => findNetworkHelper(name, config))
  const helpers = names.map((name, index) => {
    const path = paths[index]
    const facts = {
      isDefault: config.network.defaultRootlessNetworkCmd === name,
      hasOther: paths[1 - index] !== undefined,
      install: install(name),
    }
    const found = path === undefined ? undefined : { path, version: versionNumber(name, programVersion(path) ?? '') }
    return checkNetworkHelper(name, found, facts)
  })
  return [checkTun(obstacleOf(tunDevice)), ...helpers]
}

function obstacleOf(device: Device): Obstacle | undefined {
  return deviceObstacle(device, probeDevice(device.path), deviceSurroundings(device))
}

/** A place for a store on a disk of this machine that outlives a restart; `undefined` where /var/tmp is none. */
function localFolder({ uid }: HostUser): string | undefined {
  const { kind, isNetwork } = filesystemOf('/var/tmp')
  return canWriteInto('/var/tmp') && !isNetwork && kind !== 'tmpfs' ? `/var/tmp/tspod-${uid}` : undefined
}

/** Where a network helper is: `network_cmd_path` names slirp4netns, else it is looked for. */
export function findNetworkHelper(name: 'slirp4netns' | 'pasta', { engine }: Config): string | undefined {
  const configured = name === 'slirp4netns' ? engine.networkCmdPath : undefined
  if (configured !== undefined) return isProgram(configured) ? configured : undefined
  return findProgram(name, engine.helperBinariesDirs)
}

function sessionChecks(user: HostUser, config: Config): Check[] {
  const userName = passwdEntry(user.uid)?.name ?? String(user.uid)
  const { runRoot } = config.storage
  return [
    checkCgroups(readCgroupFacts(), user.isRoot),
    checkLingering({
      hasSystemd: existsSync('/run/systemd/system'),
      lingers: existsSync(`/var/lib/systemd/linger/${userName}`),
      isRoot: user.isRoot,
      userName,
    }),
    checkRuntimeFolder(
      runRoot,
      existsSync(runRoot.path) ? privacyFault(runRoot.path) : undefined,
      socketPathBytes(runRoot.path),
    ),
    checkClock(Date.now(), systemVersion().Built * 1000 || statSync(process.execPath).mtimeMs),
  ]
}
