// Which subnets new networks get: none that this machine, its routes or another network uses. `chooseSubnet` is pure.
import { TspodError } from '#errors.ts'
import { AF_INET, AF_INET6 } from '#sys/netlink/message.ts'
import { dumpRoutes, LOCAL_TABLE, parseRoute } from '#sys/netlink/route.ts'
import { NetlinkSocket } from '#sys/netlink/socket.ts'
import { uplinkAddresses } from './bridge/plumbing.ts'
import type { NetworkDefinition } from './definition.ts'
import { bitsOf, formatSubnet, parseSubnet, type Subnet, subnetOf, subnetsOverlap } from './ip.ts'

/** `10.89.0.0/16` with prefixes of 24 bits. */
export interface SubnetPool {
  base: string
  size: number
}

/** Where this machine sends packets to by a route of its own; the default route is none. */
export function hostSubnets(): Subnet[] {
  using socket = new NetlinkSocket()
  return [AF_INET, AF_INET6].flatMap(family =>
    socket
      .dump(dumpRoutes(family))
      .map(parseRoute)
      .filter(({ prefixLength, destination, table }) => prefixLength > 0 && !isEverybodys(destination, table))
      .map(({ destination, prefixLength }) => subnetOf(destination, prefixLength)),
  )
}

/** Loopback, link-local and multicast addresses are the same on every machine. */
function isEverybodys(address: Buffer, table: number): boolean {
  if (address.byteLength === 4) return address[0] === 127 || (address[0] ?? 0) >= 224
  return table === LOCAL_TABLE ? false : address[0] === 0xff || address[0] === 0xfe
}

export function usedSubnets(networks: readonly NetworkDefinition[]): Subnet[] {
  return networks.flatMap(({ subnets }) => subnets.flatMap(({ subnet }) => parseSubnet(subnet) ?? []))
}

/** The uplink's own, which no network may have. */
export function uplinkSubnets(): Subnet[] {
  return [uplinkAddresses.cidr, `${uplinkAddresses.gateway6}/${uplinkAddresses.prefixLength6}`].flatMap(
    text => parseSubnet(text) ?? [],
  )
}

/** The first free subnet of the pools. Throws CONFLICT where there is none. */
export function chooseSubnet(pools: readonly SubnetPool[], used: readonly Subnet[]): string {
  for (const { base, size } of pools) {
    const pool = parseSubnet(base)
    if (pool === undefined || size < pool.prefixLength || size > bitsOf(pool.version))
      throw new TspodError('INVALID', `containers.conf: the pool of subnets "${base}" with size ${size} cannot be`)
    const step = 1n << BigInt(bitsOf(pool.version) - size)
    const end = pool.base + (1n << BigInt(bitsOf(pool.version) - pool.prefixLength))
    for (let at = pool.base; at < end; ) {
      const candidate: Subnet = { version: pool.version, base: at, prefixLength: size }
      const obstacle = used.find(each => subnetsOverlap(each, candidate))
      if (obstacle === undefined) return formatSubnet(candidate)
      // behind what is in the way: a route to a /8 is passed in one step
      const behind = obstacle.base + (1n << BigInt(bitsOf(obstacle.version) - obstacle.prefixLength))
      at = behind <= at ? at + step : ((behind + step - 1n) / step) * step
    }
  }
  throw new TspodError('CONFLICT', 'could not find free subnet from subnet pools', {
    hint: 'say one with --subnet, or name other pools in containers.conf: network.default_subnet_pools',
  })
}

/** A subnet of unique local addresses that nobody else has chosen (RFC 4193). */
export function randomSubnet6(used: readonly Subnet[]): string {
  for (;;) {
    const address = Buffer.alloc(16)
    address.set(crypto.getRandomValues(new Uint8Array(8)))
    address[0] = 0xfd
    const subnet = subnetOf(address, 64)
    if (!used.some(each => subnetsOverlap(each, subnet))) return formatSubnet(subnet)
  }
}
