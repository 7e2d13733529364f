// info: what this machine, the configuration and the store are to tspod, and why. Host namespaces.
import type { Config } from '#config/config.ts'
import type { Registries } from '#config/registries.ts'
import { surveyContainers } from '#engine/container/survey.ts'
import type { SystemInfo } from '#engine/contracts/system.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { findProgram } from '#host/helper-programs.ts'
import { hostUser } from '#host/user.ts'
import { readSubordinateIds } from '#userns/subordinate-ids.ts'
import { findNetworkHelper } from './doctor.ts'
import { assembleInfo, type EngineFacts, ownRuntime } from './info-report.ts'

/** The verb. Opens everything that a container would need, so that what is reported is what would serve. */
export async function systemInfo(): Promise<SystemInfo> {
  const engine = await openEngine()
  const { mode, mappings } = await engine.namespace()
  const { openRegistries } = await import('#config/registries.ts')
  return assembleInfo(engine.config, {
    rootless: { mode, mappings, ...(mode === 'single' && { reason: singleIdReason(engine.config) }) },
    cgroup: await reportCgroups(engine),
    storage: await reportStorage(engine),
    network: reportNetwork(engine.config),
    counts: countAll(engine),
    runtime: ownRuntime,
    registries: reportRegistries(await openRegistries()),
    logDrivers: ['k8s-file', 'json-file', 'none', 'passthrough'],
  })
}

/** Why a container has one id only; the order is that of the decision in engine/open.ts. */
function singleIdReason({ engine }: Config): string {
  const missing = ['newuidmap', 'newgidmap'].find(name => findProgram(name, engine.helperBinariesDirs) === undefined)
  if (missing !== undefined) return `${missing} is not installed`
  const { uid } = readSubordinateIds(hostUser())
  return `there are no subordinate ${uid.length === 0 ? 'user' : 'group'} ids for you`
}

async function reportCgroups(engine: Engine): Promise<EngineFacts['cgroup']> {
  const { manager, reason } = await engine.cgroups()
  return { manager: manager?.name ?? 'none', reason }
}

async function reportStorage(engine: Engine): Promise<EngineFacts['storage']> {
  const { driver, reasons } = await engine.storage()
  const wished = engine.config.storage.driver
  if (wished !== undefined) return { driver: driver.name, reason: 'the configuration says so' }
  return { driver: driver.name, reason: reasons.length === 0 ? 'it was tried and works' : reasons.join('; ') }
}

function reportNetwork(config: Config): EngineFacts['network'] {
  const wanted = config.network.defaultRootlessNetworkCmd
  const other = wanted === 'pasta' ? 'slirp4netns' : 'pasta'
  const programs = { [wanted]: findNetworkHelper(wanted, config), [other]: findNetworkHelper(other, config) }
  const installed = [wanted, other].filter(name => programs[name] !== undefined)
  const fixed = ['none', 'host']
  const { netns } = config.containers
  if (fixed.includes(netns)) return { default: netns, reason: 'the configuration says so', available: fixed }
  const available = [...fixed, ...installed]
  if (programs[wanted] !== undefined)
    return { default: wanted, reason: `it is installed: ${programs[wanted]}`, available }
  if (programs[other] !== undefined)
    return { default: other, reason: `${wanted} is not installed: ${programs[other]}`, available }
  return { default: wanted, reason: 'it is not installed', available }
}

function countAll(engine: Engine): EngineFacts['counts'] {
  const containers = surveyContainers(engine)
  const paused = containers.filter(({ status }) => status === 'paused').length
  const running = containers.filter(({ isRunning }) => isRunning).length - paused
  return { images: engine.images.list().length, running, paused, stopped: containers.length - running - paused }
}

/** As podman-info(1) has it: the search list, and each rule by its prefix. */
function reportRegistries({ search, rules }: Registries): Record<string, unknown> {
  const reports = rules.map(({ prefix, location, insecure, blocked, mirrors }) => [
    prefix,
    {
      Prefix: prefix,
      Location: location,
      Insecure: insecure,
      Blocked: blocked,
      Mirrors: mirrors.map(mirror => ({
        Location: mirror.location,
        Insecure: mirror.insecure,
        PullFromMirror: mirror.pullFromMirror,
      })),
    },
  ])
  return { search, ...Object.fromEntries(reports) }
}
