// Which addresses containers get on a network. Pure.
import { TspodError } from '#errors.ts'
import type { NetworkDefinition, SubnetDefinition } from '#network/definition.ts'
import {
  formatIp,
  formatSubnet,
  ipOfValue,
  ipValue,
  isInSubnet,
  parseIp,
  parseSubnet,
  type Subnet,
  subnetSize,
} from '#network/ip.ts'

export interface Lease {
  ip: string
  prefixLength: number
  gateway?: string
}

/** One address of every subnet of the network. `taken` are those of its containers; `after` is where the last search ended. */
export function leaseAddresses(
  network: NetworkDefinition,
  wanted: { ip?: string; ip6?: string },
  taken: ReadonlySet<string>,
  after: ReadonlyMap<string, string>,
): Lease[] {
  requireInSubnets(network, wanted)
  const open = { ...wanted }
  return network.subnets.map(definition => {
    const subnet = requireSubnet(network, definition)
    const asked = subnet.version === 4 ? open.ip : open.ip6
    const fixed = asked === undefined ? undefined : parseIp(asked)
    const isHere = fixed !== undefined && isInSubnet(subnet, fixed)
    if (isHere && subnet.version === 4) delete open.ip
    if (isHere && subnet.version === 6) delete open.ip6
    const ip = isHere
      ? checkFree(network, formatIp(fixed), subnet, definition, taken)
      : nextFree(network, subnet, definition, taken, after.get(definition.subnet))
    const gateway = network.internal ? undefined : definition.gateway
    return { ip, prefixLength: subnet.prefixLength, ...(gateway !== undefined && { gateway }) }
  })
}

/** Throws INVALID for an address that is none of the network's. */
export function requireInSubnets(network: NetworkDefinition, { ip, ip6 }: { ip?: string; ip6?: string }): void {
  const subnets = network.subnets.map(definition => requireSubnet(network, definition))
  for (const wanted of [ip, ip6]) {
    const address = wanted === undefined ? undefined : parseIp(wanted)
    if (address === undefined || subnets.some(subnet => isInSubnet(subnet, address))) continue
    throw new TspodError(
      'INVALID',
      `requested static ip ${wanted} not in any subnet on network ${network.name}: its subnets are ${network.subnets.map(({ subnet }) => subnet).join(', ')}`,
    )
  }
}

function requireSubnet(network: NetworkDefinition, { subnet: text }: SubnetDefinition): Subnet {
  const subnet = parseSubnet(text)
  if (subnet === undefined)
    throw new TspodError('INVALID', `network "${network.name}": "${text}" is no subnet`, {
      hint: 'its definition in the store is damaged; make the network again',
    })
  return subnet
}

function checkFree(
  network: NetworkDefinition,
  ip: string,
  subnet: Subnet,
  { gateway }: SubnetDefinition,
  taken: ReadonlySet<string>,
): string {
  if (taken.has(ip) || ip === gateway)
    throw new TspodError('CONFLICT', `requested ip address ${ip} is already allocated on network ${network.name}`, {
      hint: ip === gateway ? 'it is the gateway' : '`tspod network inspect` shows who has it',
    })
  const bytes = parseIp(ip)
  const value = bytes === undefined ? 0n : ipValue(bytes) - subnet.base
  if (subnetSize(subnet) > 2n && (value === 0n || (subnet.version === 4 && value === subnetSize(subnet) - 1n)))
    throw new TspodError(
      'INVALID',
      `requested ip address ${ip} is the network or broadcast address of ${formatSubnet(subnet)}`,
    )
  return ip
}

/** The next address that nobody has, after the one handed out last: one that was just given back rests for a while. */
function nextFree(
  network: NetworkDefinition,
  subnet: Subnet,
  definition: SubnetDefinition,
  taken: ReadonlySet<string>,
  after: string | undefined,
): string {
  const { first, last } = leaseRange(subnet, definition)
  const previous = after === undefined ? undefined : parseIp(after)
  const start =
    previous !== undefined && ipValue(previous) >= first && ipValue(previous) < last ? ipValue(previous) + 1n : first
  const count = last - first + 1n
  // more than everything that can be taken
  const tries = count < BigInt(taken.size + 2) ? count : BigInt(taken.size + 2)
  for (let offset = 0n; offset < tries; offset++) {
    const value = start + offset > last ? first + (start + offset - last - 1n) : start + offset
    const ip = formatIp(ipOfValue(subnet.version, value))
    if (!taken.has(ip) && ip !== definition.gateway) return ip
  }
  throw new TspodError('CONFLICT', `network ${network.name} has no free address in ${definition.subnet}`, {
    hint: 'make a network with a larger --subnet or --ip-range, or remove containers',
  })
}

function leaseRange(subnet: Subnet, { lease_range: range }: SubnetDefinition): { first: bigint; last: bigint } {
  const size = subnetSize(subnet)
  const all = {
    first: size > 2n ? subnet.base + 1n : subnet.base,
    last: size > 2n && subnet.version === 4 ? subnet.base + size - 2n : subnet.base + size - 1n,
  }
  const bound = (text: string | undefined, otherwise: bigint): bigint => {
    const bytes = text === undefined ? undefined : parseIp(text)
    return bytes === undefined ? otherwise : ipValue(bytes)
  }
  const first = bound(range?.start_ip, all.first)
  const last = bound(range?.end_ip, all.last)
  return { first: first < all.first ? all.first : first, last: last > all.last ? all.last : last }
}

/** A card's address for an IP address: the same one each time, so that what neighbours remember stays right. */
export function cardAddress(ip: string): Buffer {
  const bytes = parseIp(ip) ?? Buffer.alloc(4)
  return Buffer.concat([Buffer.from([0x0a, 0x58]), bytes.subarray(-4)])
}
