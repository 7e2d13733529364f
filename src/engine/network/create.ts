// network create.

import { networkByDefault } from '#engine/container/join-networks.ts'
import type { NetworkRequestOptions } from '#engine/contracts/network.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import { chooseSubnet, hostSubnets, randomSubnet6, uplinkSubnets, usedSubnets } from '#network/choose-subnet.ts'
import type { NetworkDefinition, SubnetDefinition } from '#network/definition.ts'
import {
  formatIp,
  formatSubnet,
  ipOfValue,
  isInSubnet,
  parseIp,
  parseSubnet,
  type Subnet,
  subnetSize,
  subnetsOverlap,
} from '#network/ip.ts'
import { checkNetworkName, listNetworks, lockNetworks, readNetwork, writeNetwork } from '#network/networks.ts'

/** The verb: the network's name. Throws CONFLICT where there is one of this name, or a subnet is in use. */
export async function createNetwork(request: NetworkRequestOptions): Promise<string> {
  const engine = await openEngine()
  const { graphRoot } = engine
  if (request.driver !== 'bridge')
    throw new TspodError('UNSUPPORTED', `network driver "${request.driver}" is not implemented yet: must be bridge`, {
      hint: 'macvlan and ipvlan need an interface of the host, overlay other machines: neither is there for a normal user',
    })
  if (request.name !== undefined) checkNetworkName(request.name)
  using _lock = await lockNetworks(graphRoot, false)
  const others = listNetworks(graphRoot, networkByDefault(engine))
  const device = request.interfaceName ?? freeInterface(others)
  const name = request.name ?? device
  if (others.some(other => other.name === name)) {
    if (request.ignoreExisting) return name
    throw new TspodError('CONFLICT', `network name ${name} already used: network already exists`)
  }
  checkInterface(device, others)
  const subnets = decideSubnets(engine, request, others)
  const definition: NetworkDefinition = {
    name,
    id: randomHex(32),
    driver: 'bridge',
    network_interface: device,
    created: new Date().toISOString(),
    subnets,
    ...(request.routes.length > 0 && { routes: request.routes.map(parseRoute) }),
    ipv6_enabled: request.ipv6 || subnets.some(({ subnet }) => subnet.includes(':')),
    internal: request.internal,
    dns_enabled: !request.disableDns,
    ...(request.dns.length > 0 && { network_dns_servers: request.dns.map(checkServer) }),
    labels: request.labels,
    options: checkOptions(request.options),
    ipam_options: { driver: 'host-local' },
  }
  if (request.disableDns && request.dns.length > 0)
    throw new TspodError('INVALID', 'cannot set --dns with --disable-dns: nobody would ask the servers')
  writeNetwork(graphRoot, definition)
  if (readNetwork(graphRoot, name) === undefined) throw new TspodError('INTERNAL', `network "${name}" has vanished`)
  engine.journal({ type: 'network', status: 'create', id: definition.id, name, attributes: request.labels })
  return name
}

function freeInterface(others: readonly NetworkDefinition[]): string {
  for (let number = 1; ; number++) {
    const name = `podman${number}`
    if (!others.some(each => each.network_interface === name || each.name === name)) return name
  }
}

function checkInterface(device: string, others: readonly NetworkDefinition[]): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,14}$/.test(device) || ['lo', 'tap0', 'all', 'default'].includes(device))
    throw new TspodError('INVALID', `"${device}" cannot be the name of a bridge: up to 15 letters, digits, - and _`)
  const holder = others.find(each => each.network_interface === device)
  if (holder !== undefined)
    throw new TspodError('CONFLICT', `bridge name ${device} already in use by network "${holder.name}"`)
}

function decideSubnets(
  engine: Engine,
  request: NetworkRequestOptions,
  others: readonly NetworkDefinition[],
): SubnetDefinition[] {
  const used = [...usedSubnets(others), ...uplinkSubnets()]
  const host = hostSubnets()
  const chosen = request.subnets.map(wanted => decideSubnet(wanted, [...used, ...host]))
  const parsed = chosen.flatMap(({ subnet }) => parseSubnet(subnet) ?? [])
  parsed.forEach((subnet, index) => {
    const clash = parsed.slice(0, index).find(each => subnetsOverlap(each, subnet))
    if (clash !== undefined)
      throw new TspodError('INVALID', `subnets ${formatSubnet(clash)} and ${formatSubnet(subnet)} overlap`)
  })
  const has = (version: 4 | 6) => parsed.some(subnet => subnet.version === version)
  if (request.subnets.length === 0)
    chosen.push(withGateway(chooseSubnet(engine.config.network.defaultSubnetPools, [...used, ...host])))
  if (request.ipv6 && !has(6)) chosen.push(withGateway(randomSubnet6([...used, ...host])))
  return chosen
}

function withGateway(text: string): SubnetDefinition {
  return decideSubnet({ subnet: text }, [])
}

function decideSubnet(
  { subnet: text, gateway, range }: NetworkRequestOptions['subnets'][number],
  used: readonly Subnet[],
): SubnetDefinition {
  const subnet = parseSubnet(text)
  if (subnet === undefined)
    throw new TspodError('INVALID', `parsing --subnet "${text}": must be a subnet such as 10.89.1.0/24 or fd00:1::/64`)
  if (subnetSize(subnet) < 4n)
    throw new TspodError('INVALID', `subnet ${text} is too small for a gateway and a container`)
  const clash = used.find(each => subnetsOverlap(each, subnet))
  if (clash !== undefined)
    throw new TspodError(
      'CONFLICT',
      `subnet ${formatSubnet(subnet)} is already used on the host or by another config: it overlaps ${formatSubnet(clash)}`,
      { hint: 'leave --subnet out, and a free one is chosen' },
    )
  const first = formatIp(ipOfValue(subnet.version, subnet.base + 1n))
  return {
    subnet: formatSubnet(subnet),
    gateway: gateway === undefined ? first : addressIn(subnet, gateway, '--gateway'),
    ...(range !== undefined && { lease_range: parseRange(subnet, range) }),
  }
}

/** `typed` is what the address was said with, where that is more than the address. */
function addressIn(subnet: Subnet, text: string, option: string, typed = text): string {
  const address = parseIp(text)
  const what = typed === text ? 'it' : text
  const refuse = (why: string) => new TspodError('INVALID', `parsing ${option} "${typed}": ${what} ${why}`)
  if (address === undefined) throw refuse('is no address')
  if (isInSubnet(subnet, address)) return formatIp(address)
  throw refuse(`is not in subnet ${formatSubnet(subnet)}`)
}

/** `10.89.1.128/25`, or `first-last`. */
function parseRange(subnet: Subnet, text: string): { start_ip: string; end_ip: string } {
  const dash = text.indexOf('-')
  if (dash > 0)
    return {
      start_ip: addressIn(subnet, text.slice(0, dash), '--ip-range', text),
      end_ip: addressIn(subnet, text.slice(dash + 1), '--ip-range', text),
    }
  const range = parseSubnet(text)
  if (range === undefined)
    throw new TspodError('INVALID', `parsing --ip-range "${text}": must be a subnet or FIRST-LAST`)
  const first = subnetSize(range) > 2n ? range.base + 1n : range.base
  const last = ipOfValue(range.version, range.base + subnetSize(range) - 1n)
  return {
    // as podman: the first one, where there are more, is the range's own
    start_ip: addressIn(subnet, formatIp(ipOfValue(range.version, first)), '--ip-range', text),
    end_ip: addressIn(subnet, formatIp(last), '--ip-range', text),
  }
}

function parseRoute(text: string): { destination: string; gateway: string; metric?: number } {
  const [destination = '', gateway = '', metric] = text.split(',')
  const subnet = parseSubnet(destination)
  const via = parseIp(gateway)
  if (subnet === undefined || via === undefined || (metric !== undefined && !/^\d{1,9}$/.test(metric)))
    throw new TspodError('INVALID', `parsing --route "${text}": must be DESTINATION,GATEWAY[,METRIC]`)
  return {
    destination: formatSubnet(subnet),
    gateway: formatIp(via),
    ...(metric !== undefined && { metric: Number(metric) }),
  }
}

function checkServer(text: string): string {
  const address = parseIp(text)
  if (address === undefined) throw new TspodError('INVALID', `parsing --dns "${text}": it is no address`)
  return formatIp(address)
}

function checkOptions(options: Record<string, string>): Record<string, string> {
  const known: Record<string, string> = {}
  for (const [key, value] of Object.entries(options)) {
    const name = key === 'com.docker.network.driver.mtu' ? 'mtu' : key
    const refuse = (why: string, code: 'INVALID' | 'UNSUPPORTED' = 'INVALID') =>
      new TspodError(code, `parsing --opt "${key}=${value}": ${why}`)
    switch (name) {
      case 'mtu':
        if (!/^\d{1,5}$/.test(value) || Number(value) < 576 || Number(value) > 65_535)
          throw refuse('must be 576 to 65535')
        break
      case 'metric':
        if (!/^\d{1,9}$/.test(value)) throw refuse('must be a number')
        break
      case 'isolate':
        if (value === 'false')
          throw refuse('networks are always kept apart: isolate=false is not implemented yet', 'UNSUPPORTED')
        if (value !== 'true' && value !== 'strict') throw refuse('must be true')
        break
      default:
        throw refuse(`unsupported bridge network option ${key}: there are mtu, metric and isolate`, 'UNSUPPORTED')
    }
    known[name] = value
  }
  return known
}
