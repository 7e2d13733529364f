// Which network driver serves a container, and with what program.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findContainer } from '#container/name-index.ts'
import { parseNetworkOption } from '#container/options/namespaces.ts'
import { containerDir } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import { readState } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { installCommand, readDistribution } from '#host/distribution.ts'
import { findProgram, isProgram } from '#host/helper-programs.ts'
import { bridgeNetwork } from '#network/bridge/kind.ts'
import type { NetworkAddress, NetworkDriver } from '#network/driver.ts'
import { hostNetwork, noNetwork } from '#network/fixed.ts'
import { hasIpv6, ownAddress } from '#network/own-address.ts'
import { pastaNetwork } from '#network/pasta/driver.ts'
import { parsePastaOptions } from '#network/pasta/options.ts'
import { slirp4netnsNetwork } from '#network/slirp4netns/driver.ts'
import { parseSlirp4netnsOptions } from '#network/slirp4netns/options.ts'
import { checkOutboundAddresses } from '#network/slirp4netns/outbound.ts'

export interface ConnectedNetwork {
  /** As the plan of a container knows it. */
  kind: 'none' | 'host' | 'own' | 'joined'
  /** Absent where another container's namespace is joined. */
  driver?: NetworkDriver
  /** The container's own, or that of the container whose network it shares; as far as it is known. */
  address?: NetworkAddress
  /** Files of the container whose network it shares: what is true of one is true of both. */
  shared?: { hosts: string; resolvConf: string }
}

/** Decides by request and configuration. Throws where the program it needs is missing. */
export function connectNetwork(engine: Engine, request: Pick<ContainerRequest, 'network'>): ConnectedNetwork {
  const asked =
    request.network.kind === 'default' ? parseNetworkOption([engine.config.containers.netns]) : request.network
  switch (asked.kind) {
    case 'none':
      return { kind: 'none', driver: noNetwork }
    case 'host':
      return { kind: 'host', driver: hostNetwork }
    case 'container':
      return sharedNetwork(engine, asked.container)
    case 'path':
      return { kind: 'joined', address: unknownAddress() }
    case 'networks':
      return own(bridgeNetwork)
    case 'pasta':
      return own(pasta(engine, asked.options))
    case 'slirp4netns':
      return own(slirp4netns(engine, asked.options))
    case 'default':
    case 'private':
      return own(privateNetwork(engine))
  }
}

function own(driver: NetworkDriver): ConnectedNetwork {
  return { kind: 'own', driver, ...(driver.address !== undefined && { address: driver.address }) }
}

/** Who joins a namespace by its path knows what it is; the host is where it always is. */
function unknownAddress(): NetworkAddress {
  return { address: '127.0.0.1', prefixLength: 8, gateway: '', hostAddress: ownAddress() }
}

function sharedNetwork({ graphRoot }: Engine, name: string): ConnectedNetwork {
  const folder = containerDir(graphRoot, findContainer(graphRoot, name))
  const address = readState(folder)?.network?.address
  const files = { hosts: readOrEmpty(join(folder, 'hosts')), resolvConf: readOrEmpty(join(folder, 'resolv.conf')) }
  return {
    kind: 'joined',
    // its name server and search list are in its resolv.conf already
    ...(address !== undefined && { address: { ...address, nameServerUse: 'ifNone' as const, searches: [] } }),
    ...(files.hosts !== '' && { shared: files }),
  }
}

/** A container's hosts file may belong to its root by now. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it was made without one, or it is not for us to read
  }
}

/** A namespace of its own behind the helper that the configuration names; the other one where that is not installed. */
function privateNetwork(engine: Engine): NetworkDriver {
  return defaultHelper(engine) === 'pasta' ? pasta(engine, []) : slirp4netns(engine, [])
}

/** slirp4netns or pasta, as `default_rootless_network_cmd` says; the other one where that is not installed. */
export function defaultHelper({ config }: Engine): 'slirp4netns' | 'pasta' {
  const wanted = config.network.defaultRootlessNetworkCmd
  const other = wanted === 'pasta' ? 'slirp4netns' : 'pasta'
  const { helperBinariesDirs, networkCmdPath } = config.engine
  const isThere = (name: 'slirp4netns' | 'pasta') =>
    (name === 'slirp4netns' && networkCmdPath !== undefined) || findProgram(name, helperBinariesDirs) !== undefined
  return isThere(wanted) || !isThere(other) ? wanted : other
}

function slirp4netns(engine: Engine, options: readonly string[]): NetworkDriver {
  const { networkCmdPath, networkCmdOptions } = engine.config.engine
  const path = networkCmdPath ?? requireHelper(engine, 'slirp4netns')
  if (!isProgram(path))
    throw new TspodError('NOT_FOUND', `connecting the container to the network: "${path}" is no program`, {
      hint: 'network_cmd_path in containers.conf names it, or --network-cmd-path',
    })
  const parsed = parseSlirp4netnsOptions([...networkCmdOptions, ...options])
  checkOutboundAddresses(parsed)
  return slirp4netnsNetwork(path, parsed, ownAddress())
}

function pasta(engine: Engine, options: readonly string[]): NetworkDriver {
  const path = requireHelper(engine, 'pasta')
  const address = ownAddress()
  return pastaNetwork(path, parsePastaOptions([...engine.config.network.pastaOptions, ...options]), {
    ...(address !== undefined && { address }),
    has6: hasIpv6(),
  })
}

function requireHelper(engine: Engine, name: 'slirp4netns' | 'pasta'): string {
  const path = findProgram(name, engine.config.engine.helperBinariesDirs)
  if (path !== undefined) return path
  throw new TspodError('NOT_FOUND', `connecting the container to the network: ${name} is not installed`, {
    hint: `an administrator can mend it: ${installCommand(name, readDistribution())}; --network none and host do without it`,
  })
}
