// Which containers a name stands for, for whom. Pure.

import { type ContainerState, membersOf, type ServiceState } from '#network/bridge/state.ts'
import { formatIp, isInSubnet, parseIp, parseSubnet } from '#network/ip.ts'

export type NameAnswer =
  /** addresses, of either version */
  | { kind: 'addresses'; addresses: string[] }
  | { kind: 'name'; name: string }
  /** it would be one of ours, and is not */
  | { kind: 'nobody' }
  /** not ours */
  | { kind: 'foreign' }

/** The domain that containers' names may be written with, as podman's users know it. */
export const DOMAIN = 'dns.podman'

/** Who asks, and which networks' names are his to know. */
export interface Asker {
  container?: ContainerState
  networkIds: string[]
}

/** The container behind an address on a network. Whoever has none that was handed out sees that network alone. */
export function findAsker(state: ServiceState, networkId: string, ip: string): Asker {
  for (const { container, place } of membersOf(state, networkId))
    if (place.endpoint.addresses.some(address => address.ip === ip))
      return { container, networkIds: container.endpoints.map(({ endpoint }) => endpoint.networkId) }
  return { networkIds: [networkId] }
}

/** What a question by `A` or `AAAA` is about. Names differ by case only where containers' do. */
export function findByName(state: ServiceState, { networkIds }: Asker, asked: string): NameAnswer {
  const isInDomain = asked.toLowerCase().endsWith(`.${DOMAIN}`)
  const name = isInDomain ? asked.slice(0, -DOMAIN.length - 1) : asked
  const exact: string[] = []
  const alike: string[] = []
  for (const networkId of networkIds)
    for (const { container, place } of membersOf(state, networkId)) {
      const names = [container.name, container.id.slice(0, 12), ...place.endpoint.aliases]
      const addresses = place.endpoint.addresses.map(({ ip }) => ip)
      if (names.includes(name)) exact.push(...addresses)
      else if (names.some(each => each.toLowerCase() === name.toLowerCase())) alike.push(...addresses)
    }
  const addresses = exact.length > 0 ? exact : alike
  if (addresses.length > 0) return { kind: 'addresses', addresses: [...new Set(addresses)] }
  return { kind: isInDomain ? 'nobody' : 'foreign' }
}

/** What a question by `PTR` is about: `5.0.89.10.in-addr.arpa` or the nibbles of `ip6.arpa` (RFC 3596). */
export function findByAddress(state: ServiceState, { networkIds }: Asker, asked: string): NameAnswer {
  const address = addressOfReverse(asked.toLowerCase())
  if (address === undefined) return { kind: 'foreign' }
  const ip = formatIp(address)
  for (const networkId of networkIds)
    for (const { container, place } of membersOf(state, networkId))
      if (place.endpoint.addresses.some(each => each.ip === ip))
        return { kind: 'name', name: `${container.name}.${DOMAIN}` }
  const subnets = state.networks.flatMap(({ definition }) => definition.subnets)
  const isOurs = subnets.some(({ subnet }) => {
    const parsed = parseSubnet(subnet)
    return parsed !== undefined && isInSubnet(parsed, address)
  })
  return { kind: isOurs ? 'nobody' : 'foreign' }
}

function addressOfReverse(name: string): Buffer | undefined {
  if (name.endsWith('.in-addr.arpa'))
    return parseIp(name.slice(0, -'.in-addr.arpa'.length).split('.').toReversed().join('.'))
  if (!name.endsWith('.ip6.arpa')) return undefined
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').toReversed().join('')
  return /^[0-9a-f]{32}$/.test(nibbles) ? Buffer.from(nibbles, 'hex') : undefined
}
