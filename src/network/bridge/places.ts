// Where a container is to be on a network: address, card, interface, the numbers of its interfaces. Changes the state, nothing else.
import { TspodError } from '#errors.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import { formatCard, parseCard } from '#network/ip.ts'
import { cardAddress, leaseAddresses } from './leases.ts'
import type { EndpointRequest } from './protocol.ts'
import { type ContainerState, membersOf, type NetworkState, type PlacedEndpoint, type ServiceState } from './state.ts'

/** In a container's network namespace, interfaces of ours begin here. */
const FIRST_INSIDE_INDEX = 100

/** Chooses a place. Throws CONFLICT where the container is on the network already, or what it asks for is taken. */
export function choosePlace(state: ServiceState, container: ContainerState, request: EndpointRequest): PlacedEndpoint {
  const { network: definition } = request
  if (container.endpoints.some(({ endpoint }) => endpoint.networkId === definition.id))
    throw new TspodError(
      'CONFLICT',
      `container ${container.name} is already connected to network "${definition.name}": network is already connected`,
    )
  const network = networkOf(state, definition)
  const members = [...membersOf(state, definition.id)]
  const taken = new Set(members.flatMap(({ place }) => place.endpoint.addresses.map(({ ip }) => ip)))
  const addresses = leaseAddresses(definition, request, taken, new Map(Object.entries(network.cursor)))
  const mac = chooseCard(request, addresses[0]?.ip ?? '')
  const owner = members.find(({ place }) => place.endpoint.mac === mac)
  if (owner !== undefined)
    throw new TspodError(
      'CONFLICT',
      `mac address ${mac} is already in use on network "${definition.name}" by container ${owner.container.name}`,
    )
  definition.subnets.forEach(({ subnet }, index) => {
    const ip = addresses[index]?.ip
    if (ip !== undefined) network.cursor[subnet] = ip
  })
  const order = freeNumber(container.endpoints.map(each => each.order))
  return {
    endpoint: {
      network: definition.name,
      networkId: definition.id,
      interface: request.interfaceName ?? freeInterface(container),
      mac,
      addresses,
      aliases: request.aliases,
    },
    port: `v${container.id.slice(0, 10)}${order}`,
    portIndex: state.nextIndex++,
    insideIndex: FIRST_INSIDE_INDEX + order,
    order,
  }
}

/** The network, entered where it is new. */
function networkOf(state: ServiceState, definition: NetworkDefinition): NetworkState {
  const known = state.networks.find(each => each.definition.id === definition.id)
  if (known !== undefined) return known
  const clash = state.networks.find(each => each.definition.network_interface === definition.network_interface)
  if (clash !== undefined)
    throw new TspodError(
      'CONFLICT',
      `network "${definition.name}" has the interface name of network "${clash.definition.name}", ${definition.network_interface}`,
    )
  const network: NetworkState = { definition, cursor: {} }
  state.networks.push(network)
  return network
}

function chooseCard({ mac }: EndpointRequest, ip: string): string {
  const card = mac === undefined ? cardAddress(ip) : parseCard(mac)
  if (card === undefined) throw new TspodError('INVALID', `"${mac}" is no address of a card`)
  return formatCard(card)
}

function freeNumber(taken: readonly number[]): number {
  let number = 0
  while (taken.includes(number)) number++
  return number
}

function freeInterface({ endpoints }: ContainerState): string {
  const taken = endpoints.map(({ endpoint }) => endpoint.interface)
  let number = 0
  while (taken.includes(`eth${number}`)) number++
  return `eth${number}`
}
