// What the network service knows: who is where. Plain data, kept in its memory file.
import type { NetworkDefinition } from '#network/definition.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import type { ProcessIdentity } from '#sys/process.ts'
import type { Endpoint } from './protocol.ts'

/** A container's place on one network. */
export interface PlacedEndpoint {
  endpoint: Endpoint
  /** the service's end of the pair of interfaces */
  port: string
  portIndex: number
  insideIndex: number
  /** among the container's networks; the lowest one's way out counts */
  order: number
}

export interface ContainerState {
  id: string
  name: string
  /** --dns */
  dns: string[]
  /** its hosts file */
  hosts?: string
  /** its addresses where it is on none of our networks */
  guest?: string[]
  /** process 1; absent while its start is under way */
  process?: ProcessIdentity
  endpoints: PlacedEndpoint[]
  /** of the host, that lead to it */
  ports?: PortMapping[]
}

export interface NetworkState {
  definition: NetworkDefinition
  /** of the bridge, once it is there */
  bridgeIndex?: number
  /** by subnet, the address handed out last */
  cursor: Record<string, string>
}

export interface ServiceState {
  containers: ContainerState[]
  networks: NetworkState[]
  /** interfaces are numbered by us: no index is ever asked for */
  nextIndex: number
  /** the machine's own, as hosts files have it */
  hostAddress?: string
  /** the program of the way out */
  uplinkPath?: string
  uplink?: ProcessIdentity
  /** the second watcher of the service that wrote this */
  secondWatcher?: ProcessIdentity
}

export const emptyState = (): ServiceState => ({ containers: [], networks: [], nextIndex: 1000 })

/** The containers on a network, with where they are on it. */
export function* membersOf(
  state: ServiceState,
  networkId: string,
): Generator<{ container: ContainerState; place: PlacedEndpoint }> {
  for (const container of state.containers)
    for (const place of container.endpoints) if (place.endpoint.networkId === networkId) yield { container, place }
}
