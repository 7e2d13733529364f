// The user-defined networks of a container: which they are, and its places on them when it starts. Loaded only for such containers.

import { join } from 'node:path'
import { type ContainerRecord, containerDir } from '#container/record.ts'
import type { NetworkRequest, NetworkWish } from '#container/request.ts'
import type { Engine } from '#engine/open.ts'
import { findProgram } from '#host/helper-programs.ts'
import { bridgeAddress, bridgePorts, reserveNetworks } from '#network/bridge/driver.ts'
import { bridgeNetwork } from '#network/bridge/kind.ts'
import { requireInSubnets } from '#network/bridge/leases.ts'
import type { EndpointContainer, EndpointRequest } from '#network/bridge/protocol.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import type { NetworkConnection, NetworkDriver } from '#network/driver.ts'
import { type DefaultNetwork, findNetwork } from '#network/networks.ts'
import { ownAddress } from '#network/own-address.ts'
import type { CreatedContainer } from './create.ts'
import { serviceHost } from './service-host.ts'

export function networkByDefault({ config }: Pick<Engine, 'config'>): DefaultNetwork {
  return { name: config.network.defaultNetwork, subnet: config.network.defaultSubnet }
}

/** The definition behind a wish. Throws NOT_FOUND. */
export function networkOfWish(engine: Engine, { name }: Pick<NetworkWish, 'name'>): NetworkDefinition {
  const byDefault = networkByDefault(engine)
  return findNetwork(engine.graphRoot, byDefault, name === 'bridge' ? byDefault.name : name)
}

/** Throws NOT_FOUND where one of the networks that are asked for does not exist, INVALID for an address that it cannot give. */
export function requireNetworks(engine: Engine, network: NetworkRequest): void {
  if (network.kind !== 'networks') return
  for (const wish of network.networks) requireInSubnets(networkOfWish(engine, wish), wish)
}

/** What a container on networks is asked for with; `--network default` may mean the default network. */
export function wishesOf(network: NetworkRequest): NetworkWish[] {
  return network.kind === 'networks' ? network.networks : [{ name: 'bridge', aliases: [] }]
}

export function endpointRequest(engine: Engine, wish: NetworkWish): EndpointRequest {
  const { aliases, ip, ip6, mac, interfaceName } = wish
  return { network: networkOfWish(engine, wish), aliases, ip, ip6, mac, interfaceName }
}

/** A container as the network service knows it. */
export function endpointContainer(
  { graphRoot }: Pick<Engine, 'graphRoot'>,
  { id, name, request }: ContainerRecord,
): EndpointContainer {
  return { id, name, dns: request.dns, hosts: join(containerDir(graphRoot, id), 'hosts') }
}

/** slirp4netns; absent where it is not installed. */
export function uplinkPath({ config }: Engine): string | undefined {
  return config.engine.networkCmdPath ?? findProgram('slirp4netns', config.engine.helperBinariesDirs)
}

export interface JoinedNetworks {
  driver: NetworkDriver
  connection: NetworkConnection
  files: Record<string, string | Uint8Array>
}

/** Reserves a container's places; the connection makes them real when its process is there. */
export async function joinNetworks(engine: Engine, { record, blueprint }: CreatedContainer): Promise<JoinedNetworks> {
  const { connection, reservation } = await reserveNetworks({
    host: await serviceHost(engine),
    container: endpointContainer(engine, record),
    endpoints: wishesOf(record.network).map(wish => endpointRequest(engine, wish)),
    uplinkPath: uplinkPath(engine),
  })
  const address = bridgeAddress(reservation, ownAddress())
  return {
    driver: { ...bridgeNetwork, address, ports: bridgePorts },
    connection,
    files: { ...blueprint.files, ...blueprint.filesAt(address) },
  }
}
