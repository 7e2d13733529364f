// What must be asked of the kernel so that a network works: bridges, ports, addresses, routes and the rules that keep networks apart. Pure.
//
// How networks are kept apart without a packet filter: the namespace forwards packets between its interfaces, and rules choose the table
// that decides by the interface a packet came in on. From a bridge, with a source of the bridge's own subnets, only UPLINK_TABLE is
// asked: it refuses every subnet of containers and sends the rest out. All else from a bridge is refused, and from that of an internal
// network everything. Answers come in on the tap device and are looked up in the main table, which knows all bridges; there, those of
// internal networks are refused. Packets for the namespace's own addresses (name servers) are taken before any of this (ip-rule(8)).
import type { NetworkDefinition } from '#network/definition.ts'
import { mtuOf } from '#network/definition.ts'
import { ipOfValue, parseCard, parseIp, parseSubnet, type Subnet } from '#network/ip.ts'
import { addAddress } from '#sys/netlink/address.ts'
import { addBridge, addVeth, closePort, removeLink, setLinkUp } from '#sys/netlink/link.ts'
import { AF_INET, AF_INET6, type NetlinkRequest } from '#sys/netlink/message.ts'
import { setForwarding, setNeighbour } from '#sys/netlink/neighbour.ts'
import { addRule, type RuleSpec, removeRoute, removeRule, setRoute } from '#sys/netlink/route.ts'
import { cardAddress } from './leases.ts'
import type { Endpoint } from './protocol.ts'

/** The tap device of the uplink. */
export const UPLINK = 'tap0'
/** The uplink's network: its gateway is the userspace stack. */
export const uplinkAddresses = {
  cidr: '10.0.2.0/24',
  gateway: '10.0.2.2',
  gateway6: 'fd00::2',
  own6: 'fd00::100',
  prefixLength6: 64,
} as const

/** Where packets go that leave a network. */
const UPLINK_TABLE = 100

const TO_INTERNAL = 50
const FROM_NETWORK = 100
const FROM_ELSEWHERE = 200

const familyOfSubnet = ({ version }: Subnet): number => (version === 4 ? AF_INET : AF_INET6)
const destinationOfSubnet = ({ version, base, prefixLength }: Subnet) => ({
  address: ipOfValue(version, base),
  prefixLength,
})

const subnetsOf = ({ subnets }: NetworkDefinition): Subnet[] =>
  subnets.flatMap(({ subnet }) => parseSubnet(subnet) ?? [])

function rulesOf(network: NetworkDefinition): RuleSpec[] {
  const incoming = network.network_interface
  const subnets = subnetsOf(network)
  const refused: RuleSpec[] = [AF_INET, AF_INET6].map(family => ({ family, priority: FROM_ELSEWHERE, incoming }))
  if (network.internal)
    return [
      ...refused,
      ...subnets.map(subnet => ({
        family: familyOfSubnet(subnet),
        priority: TO_INTERNAL,
        incoming: UPLINK,
        destination: destinationOfSubnet(subnet),
      })),
    ]
  return [
    ...refused,
    ...subnets.map(subnet => ({
      family: familyOfSubnet(subnet),
      priority: FROM_NETWORK,
      incoming,
      source: destinationOfSubnet(subnet),
      table: UPLINK_TABLE,
    })),
  ]
}

function bridgeCard({ subnets }: NetworkDefinition): Buffer {
  return cardAddress(subnets[0]?.gateway ?? '10.0.0.1')
}

/** A network's bridge, its addresses, and the rules around it. The rules come first: there is no moment without them. */
export function planBridge(network: NetworkDefinition, index: number): NetlinkRequest[] {
  const name = network.network_interface
  const subnets = subnetsOf(network)
  return [
    ...rulesOf(network).map(addRule),
    ...subnets.map(subnet =>
      setRoute({ family: familyOfSubnet(subnet), destination: destinationOfSubnet(subnet), table: UPLINK_TABLE }),
    ),
    addBridge({ name, index, mtu: mtuOf(network), address: bridgeCard(network) }),
  ]
}

/** The bridge's own addresses; to be given once its settings are made. */
export function planGateways(network: NetworkDefinition, index: number): NetlinkRequest[] {
  return network.subnets.flatMap(({ subnet: text, gateway }) => {
    const address = parseIp(gateway ?? '')
    const prefixLength = parseSubnet(text)?.prefixLength
    return address === undefined || prefixLength === undefined ? [] : [addAddress(index, address, prefixLength)]
  })
}

/** Takes all of it away again. */
export function planBridgeRemoval(network: NetworkDefinition): NetlinkRequest[] {
  return [
    removeLink(network.network_interface),
    ...rulesOf(network).map(removeRule),
    ...subnetsOf(network).map(subnet =>
      removeRoute({ family: familyOfSubnet(subnet), destination: destinationOfSubnet(subnet), table: UPLINK_TABLE }),
    ),
  ]
}

/** The service's end of a container's place on a network. */
export interface Port {
  /** of the interface in the service's namespace */
  name: string
  index: number
  bridge: number
  mtu: number
  /** of the interface in the container */
  insideIndex: number
}

/** A pair of interfaces from the bridge into the container; who is behind it is entered for good. */
export function planPort(port: Port, endpoint: Endpoint, namespace: number): NetlinkRequest[] {
  const card = parseCard(endpoint.mac) ?? Buffer.alloc(6)
  return [
    addVeth({ ...port, peer: { name: endpoint.interface, index: port.insideIndex, address: card, namespace } }),
    closePort(port.name, port.index),
    setForwarding(port.index, card),
    ...addressesOf(endpoint).map(address => setNeighbour(port.bridge, address, card)),
  ]
}

function addressesOf({ addresses }: Endpoint): Buffer[] {
  return addresses.flatMap(({ ip }) => parseIp(ip) ?? [])
}

/** The interface up, addresses and routes, to be asked inside the container. `order` is the place among its networks: the first one's way out counts. */
export function planInside(
  network: NetworkDefinition,
  endpoint: Endpoint,
  index: number,
  order: number,
): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [setLinkUp(endpoint.interface, index)]
  for (const { ip, prefixLength } of endpoint.addresses) {
    const address = parseIp(ip)
    if (address !== undefined) requests.push(addAddress(index, address, prefixLength))
  }
  // a neighbour that says it were the gateway finds no belief
  for (const { gateway } of network.subnets) {
    const address = parseIp(gateway ?? '')
    if (address !== undefined) requests.push(setNeighbour(index, address, bridgeCard(network)))
  }
  for (const { gateway } of endpoint.addresses) {
    const via = parseIp(gateway ?? '')
    if (via === undefined) continue
    const family = via.byteLength === 4 ? AF_INET : AF_INET6
    requests.push(setRoute({ family, via, interface: index, metric: Number(network.options?.metric ?? 100) + order }))
  }
  for (const { destination, gateway, metric } of network.routes ?? []) {
    const [subnet, via] = [parseSubnet(destination), parseIp(gateway)]
    if (subnet === undefined || via === undefined) continue
    requests.push(
      setRoute({
        family: familyOfSubnet(subnet),
        destination: destinationOfSubnet(subnet),
        via,
        interface: index,
        metric: metric ?? 100,
      }),
    )
  }
  return requests
}

/** The way out through the tap device with this index. */
export function planUplink(index: number): NetlinkRequest[] {
  const [gateway, gateway6, own6] = [uplinkAddresses.gateway, uplinkAddresses.gateway6, uplinkAddresses.own6].map(
    text => parseIp(text) ?? Buffer.alloc(4),
  )
  return [
    ...(own6 === undefined ? [] : [addAddress(index, own6, uplinkAddresses.prefixLength6)]),
    setRoute({ family: AF_INET, via: gateway, interface: index, table: UPLINK_TABLE, metric: 1 }),
    setRoute({ family: AF_INET6, via: gateway6, interface: index, table: UPLINK_TABLE, metric: 1 }),
  ]
}

/** Files below /proc/sys/net and what is written to them. */
export type Settings = readonly (readonly [file: string, text: string])[]

export const namespaceSettings: Settings = [
  ['ipv4/ip_forward', '1'],
  ['ipv6/conf/all/forwarding', '1'],
]

export const uplinkSettings: Settings = [
  [`ipv4/conf/${UPLINK}/proxy_arp`, '1'],
  // slirp answers for each container; waiting before answering would delay its first packet (ip-sysctl)
  [`ipv4/neigh/${UPLINK}/proxy_delay`, '0'],
  [`ipv6/conf/${UPLINK}/accept_ra`, '0'],
]

export function bridgeSettings(network: NetworkDefinition): Settings {
  const name = network.network_interface
  const has6 = subnetsOf(network).some(({ version }) => version === 6)
  return [
    [`ipv6/conf/${name}/accept_dad`, '0'],
    ...(has6 ? [] : [[`ipv6/conf/${name}/disable_ipv6`, '1'] as const]),
    // the first packet to a container that is not there is answered by its neighbours, not by us
    [`ipv4/conf/${name}/send_redirects`, '0'],
  ]
}
