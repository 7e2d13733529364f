// The interfaces of the user's networks: bridges, and the pairs that lead from them into containers. Runs in the network service.
import { TspodError } from '#errors.ts'
import { mtuOf, type NetworkDefinition } from '#network/definition.ts'
import { parseIp } from '#network/ip.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { O_RDONLY } from '#sys/flags.ts'
import { removeLink } from '#sys/netlink/link.ts'
import { removeNeighbour } from '#sys/netlink/neighbour.ts'
import { isAlive, type ProcessIdentity } from '#sys/process.ts'
import type { ServiceParts } from './parts.ts'
import { bridgeSettings, planBridge, planBridgeRemoval, planGateways, planInside, planPort } from './plumbing.ts'
import { type ContainerState, membersOf, type NetworkState, type PlacedEndpoint } from './state.ts'

interface Bridge {
  definition: NetworkDefinition
  bridgeIndex: number
}

export class Bridges {
  readonly #parts: ServiceParts

  constructor(parts: ServiceParts) {
    this.#parts = parts
  }

  /** True where a bridge is there whose containers have a way out. */
  get needUplink(): boolean {
    return this.#parts.state.networks.some(
      ({ definition, bridgeIndex }) => bridgeIndex !== undefined && !definition.internal,
    )
  }

  /** Goes on with the bridges that a service before this one made. */
  resume(): void {
    for (const { definition, bridgeIndex } of this.#parts.state.networks) {
      if (bridgeIndex === undefined) continue
      this.#parts.netlink.request(planGateways(definition, bridgeIndex))
      this.#parts.names.open(definition)
    }
  }

  /** Their bridges, made at the first use. */
  open(places: readonly PlacedEndpoint[]): Bridge[] {
    return places.map(({ endpoint }) => this.#open(endpoint.networkId))
  }

  /** Makes the interfaces of places on bridges that are open, there and in the container. */
  plug(container: ContainerState, process: ProcessIdentity, places: readonly PlacedEndpoint[]): void {
    const path = `/proc/${process.pid}/ns/net`
    using namespace = openNamespace(container, process, path)
    const ends = places.map(place => ({ place, ...this.#open(place.endpoint.networkId) }))
    for (const { place, definition, bridgeIndex } of ends) {
      const port = {
        name: place.port,
        index: place.portIndex,
        bridge: bridgeIndex,
        mtu: mtuOf(definition),
        insideIndex: place.insideIndex,
      }
      this.#parts.netlink.request(planPort(port, place.endpoint, namespace.number))
    }
    using inside = this.#parts.hands().openNetlink(path)
    for (const { place, definition } of ends)
      inside.request(planInside(definition, place.endpoint, place.insideIndex, place.order))
  }

  /** Takes a place's interfaces away, and its network with the last of them. The place is none of the container's any more. */
  unplug({ port, endpoint }: PlacedEndpoint): void {
    const { netlink, state } = this.#parts
    const network = state.networks.find(({ definition }) => definition.id === endpoint.networkId)
    netlink.request([removeLink(port)])
    if (network === undefined) return
    const { bridgeIndex } = network
    if (bridgeIndex !== undefined) {
      const addresses = endpoint.addresses.flatMap(({ ip }) => parseIp(ip) ?? [])
      netlink.request(addresses.map(address => removeNeighbour(bridgeIndex, address)))
    }
    if (membersOf(state, network.definition.id).next().done === true) this.#remove(network)
  }

  #open(networkId: string): Bridge {
    const network = this.#parts.state.networks.find(({ definition }) => definition.id === networkId)
    if (network === undefined) throw new RangeError('a place on a network that nobody knows')
    const { definition } = network
    if (network.bridgeIndex !== undefined) return { definition, bridgeIndex: network.bridgeIndex }
    const bridgeIndex = this.#parts.state.nextIndex++
    const { netlink } = this.#parts
    try {
      netlink.request(planBridge(definition, bridgeIndex))
      this.#parts.hands().write(bridgeSettings(definition))
      netlink.request(planGateways(definition, bridgeIndex))
    } catch (error) {
      netlink.request(planBridgeRemoval(definition))
      throw error
    }
    network.bridgeIndex = bridgeIndex
    this.#parts.names.open(definition)
    return { definition, bridgeIndex }
  }

  #remove(network: NetworkState): void {
    const { netlink, names, state } = this.#parts
    if (network.bridgeIndex !== undefined) {
      names.close(network.definition)
      netlink.request(planBridgeRemoval(network.definition))
    }
    state.networks.splice(state.networks.indexOf(network), 1)
  }
}

/** The container's network namespace, made sure of to be that of this very process. */
function openNamespace({ name }: ContainerState, process: ProcessIdentity, path: string): Fd {
  const fd = openFile(path, O_RDONLY)
  if (isAlive(process)) return fd
  fd.close()
  throw new TspodError('CONFLICT', `connecting container ${name}: its process has ended`)
}
