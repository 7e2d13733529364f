// From a request and an image to all that must be known before a container's process can be made: facts looked up, everything decided.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostsFile, resolvConfFile } from '#container/etc-files.ts'
import { readHooks } from '#container/hooks.ts'
import type { ContainerDefaults, PlanInputs, ResolvedMount } from '#container/inputs.ts'
import { parseAddHost } from '#container/options/add-host.ts'
import { readEnvFile } from '#container/options/key-value.ts'
import { type ContainerId, containerDir } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { parseSeccompProfile, type SeccompProfile } from '#container/seccomp-profile.ts'
import { parseSecurityOptions } from '#container/security-options.ts'
import { type ContainerPlan, planContainer } from '#container/spec.ts'
import defaultProfile from '#containers-conf/seccomp.json'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { terminalSize } from '#host/limits.ts'
import type { NetworkAddress } from '#network/driver.ts'
import { readChainFile } from '#storage/chain-file.ts'
import type { ContainerIds } from './choose-ids.ts'
import type { ChosenImage } from './choose-image.ts'
import { type ConnectedNetwork, connectNetwork } from './connect-network.ts'
import { containerDefaults, readHostFacts, requireDevices } from './host-facts.ts'
import { initProgram } from './init-program.ts'

/** All that is decided about one container. */
export interface Blueprint {
  plan: ContainerPlan
  network: ConnectedNetwork
  /** Files that the container gets, by their name in its folder: texts, and bytes of a program. */
  files: Record<string, string | Uint8Array>
  /** Those of them that say where the container is, once its address is known. */
  filesAt(address: NetworkAddress): Record<string, string>
}

export interface BlueprintRequest {
  id: ContainerId
  name: string
  request: ContainerRequest
  image: ChosenImage | undefined
  mounts: ResolvedMount[]
  ids: ContainerIds
  /** Folders in which files of the image are looked for, uppermost first. */
  folders: readonly string[]
  rootPath: string
}

/** Looks up the facts and decides. Throws for anything in the request that cannot be. */
export function drawBlueprint(engine: Engine, wanted: BlueprintRequest): Blueprint {
  const { id, name, request, folders } = wanted
  const { userNamespace, joined, caller } = wanted.ids
  const { config } = engine
  const folder = containerDir(engine.graphRoot, id)
  const host = readHostFacts(request.privileged)
  requireDevices([...config.containers.devices, ...request.devices])
  const network = connectNetwork(engine, request)
  const init = request.init ? initProgram(request, folder) : undefined
  const inputs: PlanInputs = {
    id,
    name,
    request,
    image: wanted.image?.defaults ?? {},
    defaults: defaultsFor(containerDefaults(config), network),
    host,
    userNamespace,
    joined: joined.paths,
    network: network.kind,
    mounts: wanted.mounts,
    accounts: { passwd: readChainFile(folders, 'etc/passwd'), group: readChainFile(folders, 'etc/group') },
    caller,
    hostUserEntries: hostUserEntries(request),
    envFileEntries: request.envFiles.flatMap(readEnvFile),
    seccomp: seccompProfile(request, config.containers.seccompProfile),
    hooks: readHooks([...config.engine.hooksDirs, ...request.hooksDirs]),
    paths: {
      rootfs: wanted.rootPath,
      hosts: join(folder, 'hosts'),
      resolvConf: join(folder, 'resolv.conf'),
      hostname: join(folder, 'hostname'),
      containerEnv: join(folder, 'containerenv'),
      passwd: join(folder, 'passwd'),
      group: join(folder, 'group'),
      ...(init !== undefined && { init: init.path }),
    },
    ...(request.tty && { consoleSize: terminalSize() }),
  }
  const plan = planContainer(inputs)
  const files = {
    ...filesOf(plan, network, wanted, engine),
    ...(init?.content !== undefined && { init: init.content }),
  }
  const filesAt = (address: NetworkAddress): Record<string, string> => {
    const { hosts = '', 'resolv.conf': resolvConf = '' } = filesOf(plan, { ...network, address }, wanted, engine)
    return { hosts, 'resolv.conf': resolvConf }
  }
  return { plan, network, files, filesAt }
}

/** The network's own wishes come before those of the configuration. */
function defaultsFor(defaults: ContainerDefaults, { driver }: ConnectedNetwork): ContainerDefaults {
  return driver?.sysctls === undefined ? defaults : { ...defaults, sysctls: { ...driver.sysctls, ...defaults.sysctls } }
}

function hostUserEntries(request: ContainerRequest): string[] {
  if (request.hostUsers.length === 0) return []
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  return request.hostUsers.map(user => {
    const line = lines.find(entry => entry.startsWith(`${user}:`) || entry.split(':')[2] === user)
    if (line === undefined)
      throw new TspodError('NOT_FOUND', `--hostuser "${user}": no such user in the host's /etc/passwd`)
    return line
  })
}

/** The profile by `--security-opt seccomp=`, containers.conf, or the one that is built in. */
function seccompProfile(request: ContainerRequest, configured: string | undefined): SeccompProfile | 'unconfined' {
  const asked = parseSecurityOptions(request.securityOpts).seccomp
  if (asked === 'unconfined' || (asked === undefined && request.privileged)) return 'unconfined'
  const path = asked ?? configured
  if (path === undefined || path === '') return defaultProfile as SeccompProfile
  return parseSeccompProfile(path, readProfile(path))
}

function readProfile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new TspodError(
      'NOT_FOUND',
      `reading the seccomp profile "${path}": ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    )
  }
}

function filesOf(
  plan: ContainerPlan,
  network: ConnectedNetwork,
  wanted: BlueprintRequest,
  engine: Engine,
): Record<string, string> {
  const { request, id, name } = wanted
  const { containers } = engine.config
  const hostname = plan.spec.hostname ?? ''
  const { address, shared } = network
  const gateway = network.kind === 'host' ? '127.0.0.1' : address?.hostAddress
  const { hostContainersInternalIp } = containers
  return {
    hosts: hostsFile({
      base: shared?.hosts ?? hostsBase(containers.baseHostsFile, wanted.folders),
      added: request.addHosts.map(parseAddHost),
      gateway: hostContainersInternalIp === 'none' ? undefined : hostContainersInternalIp || gateway,
      own:
        network.kind === 'host'
          ? undefined
          : { addresses: ownAddresses(address), names: [hostname, name].filter(Boolean) },
    }),
    'resolv.conf': resolvConfFile({
      base: shared?.resolvConf ?? (existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : ''),
      servers: address?.nameServers ?? (request.dns.length > 0 ? request.dns : [...containers.dnsServers]),
      searches: request.dnsSearch.length > 0 ? request.dnsSearch : [...containers.dnsSearches],
      networkSearches: address?.searches,
      options: request.dnsOptions.length > 0 ? request.dnsOptions : [...containers.dnsOptions],
      networkServer: address?.nameServer,
      networkServerUse: address?.nameServerUse,
      dropLocal: network.kind !== 'host' && shared === undefined,
    }),
    hostname: `${hostname || id.slice(0, 12)}\n`,
    containerenv: request.privileged
      ? `engine="tspod"\nname="${name}"\nid="${id}"\nimage="${wanted.image?.name ?? ''}"\nimageid="${wanted.image?.id ?? ''}"\nrootless=1\n`
      : '',
    ...(plan.passwd !== undefined && { passwd: plan.passwd }),
    ...(plan.group !== undefined && { group: plan.group }),
  }
}

/** On networks of the user's, those on each of them. */
function ownAddresses(address: NetworkAddress | undefined): string[] {
  const { endpoints } = address ?? {}
  if (endpoints === undefined || endpoints.length === 0) return [address?.address ?? '127.0.0.1']
  return endpoints.flatMap(({ addresses }) => addresses.map(({ ip }) => ip))
}

function hostsBase(setting: string, folders: readonly string[]): string {
  if (setting === 'none') return ''
  if (setting === 'image') return readChainFile(folders, 'etc/hosts')
  const path = setting === '' ? '/etc/hosts' : setting
  if (!existsSync(path)) return ''
  const text = readFileSync(path, 'utf8')
  return setting === '' && existsSync('/run/.containerenv') ? withoutHostNames(text) : text
}

/** In a container, the machine around it is not what a container in there has for its host. */
function withoutHostNames(hosts: string): string {
  return hosts.replace(/^.*\bhost\.(containers|docker)\.internal\b.*\n?/gm, '')
}
