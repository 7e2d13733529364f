// Which addresses containers get, and which subnets networks get.
import { expect, test } from 'bun:test'
import { leaseAddresses } from '#network/bridge/leases.ts'
import { planBridge } from '#network/bridge/plumbing.ts'
import { chooseSubnet, randomSubnet6 } from '#network/choose-subnet.ts'
import type { NetworkDefinition, SubnetDefinition } from '#network/definition.ts'
import { parseSubnet, subnetsOverlap } from '#network/ip.ts'

const network = (...subnets: SubnetDefinition[]): NetworkDefinition => ({
  name: 'web',
  id: 'f'.repeat(64),
  driver: 'bridge',
  network_interface: 'podman1',
  created: '',
  subnets,
  ipv6_enabled: false,
  internal: false,
  dns_enabled: true,
  ipam_options: { driver: 'host-local' },
})
const small = network({ subnet: '10.89.1.0/29', gateway: '10.89.1.1' })
const lease = (taken: string[], wanted = {}, after = new Map<string, string>()) =>
  leaseAddresses(small, wanted, new Set(taken), after).map(({ ip }) => ip)
const subnets = (...texts: string[]) => texts.flatMap(text => parseSubnet(text) ?? [])

test('addresses are handed out in turn: one that was given back rests', () => {
  expect(lease([])).toEqual(['10.89.1.2'])
  expect(lease(['10.89.1.2'])).toEqual(['10.89.1.3'])
  expect(lease([], {}, new Map([['10.89.1.0/29', '10.89.1.4']]))).toEqual(['10.89.1.5'])
  expect(lease([], {}, new Map([['10.89.1.0/29', '10.89.1.6']]))).toEqual(['10.89.1.2'])
  const all = [2, 3, 4, 5, 6].map(last => `10.89.1.${last}`)
  expect(lease(all.slice(1), {}, new Map([['10.89.1.0/29', '10.89.1.4']]))).toEqual(['10.89.1.2'])
  expect(() => lease(all)).toThrow('network web has no free address in 10.89.1.0/29')
})

test('an address that is asked for must be free, of the subnet, and nobody else’s', () => {
  expect(lease([], { ip: '10.89.1.6' })).toEqual(['10.89.1.6'])
  expect(() => lease(['10.89.1.6'], { ip: '10.89.1.6' })).toThrow('is already allocated')
  expect(() => lease([], { ip: '10.89.1.1' })).toThrow('is already allocated')
  expect(() => lease([], { ip: '10.89.1.7' })).toThrow('network or broadcast address')
  expect(() => lease([], { ip: '10.89.2.6' })).toThrow('not in any subnet on network web')
  expect(() => lease([], { ip6: 'fd00::7' })).toThrow('not in any subnet on network web')
})

test('a range bounds the choice, not what is asked for', () => {
  const ranged = network({
    subnet: '10.89.1.0/24',
    gateway: '10.89.1.1',
    lease_range: { start_ip: '10.89.1.128', end_ip: '10.89.1.255' },
  })
  expect(leaseAddresses(ranged, {}, new Set(), new Map())[0]?.ip).toBe('10.89.1.128')
  expect(leaseAddresses(ranged, { ip: '10.89.1.9' }, new Set(), new Map())[0]?.ip).toBe('10.89.1.9')
})

test('an internal network gives no gateway', () => {
  expect(leaseAddresses({ ...small, internal: true }, {}, new Set(), new Map())[0]?.gateway).toBeUndefined()
})

test('chooseSubnet() passes what the machine and others use', () => {
  const pools = [
    { base: '10.89.0.0/16', size: 24 },
    { base: '10.90.0.0/15', size: 24 },
  ]
  expect(chooseSubnet(pools, [])).toBe('10.89.0.0/24')
  expect(chooseSubnet(pools, subnets('10.89.0.0/24', '10.89.1.128/25'))).toBe('10.89.2.0/24')
  expect(chooseSubnet(pools, subnets('10.89.0.0/16'))).toBe('10.90.0.0/24')
  expect(() => chooseSubnet(pools, subnets('10.0.0.0/8'))).toThrow('could not find free subnet')
})

test('randomSubnet6() is a unique local one', () => {
  const used = subnets('fd00::/9')
  const chosen = parseSubnet(randomSubnet6(used))
  expect(chosen?.prefixLength).toBe(64)
  expect(chosen !== undefined && subnetsOverlap(chosen, used[0] ?? chosen)).toBe(false)
})

test('the rules that keep a network apart come before its bridge, and an internal one has no table', () => {
  const requests = planBridge(small, 1000).map(({ doing }) => doing)
  expect(requests.findLastIndex(doing => doing.startsWith('setting a rule'))).toBeLessThan(
    requests.findIndex(doing => doing.startsWith('adding the bridge')),
  )
  const tables = planBridge({ ...small, internal: true }, 1000)
    .filter(({ doing }) => doing.startsWith('setting a rule'))
    .map(({ body }) => Buffer.from(body).readUInt8(7))
  expect(tables).toEqual([8, 8, 8])
})
