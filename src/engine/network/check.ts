// network check: how fast and how well each kind of network works here, measured from a network namespace as a container has it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectNetwork } from '#engine/container/connect-network.ts'
import { networkByDefault, uplinkPath } from '#engine/container/join-networks.ts'
import { serviceHost } from '#engine/container/service-host.ts'
import type { NetworkCheck, NetworkCheckOptions } from '#engine/contracts/network.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, hasCode } from '#errors.ts'
import { randomHex } from '#host/bun.ts'
import { parseServers } from '#network/bridge/dns/host-resolvers.ts'
import { reserveNetworks, servicePorts } from '#network/bridge/driver.ts'
import { CheckHelper } from '#network/check/helper.ts'
import {
  measureConnect,
  measureIn,
  measureNames,
  measureOut,
  measureRoundTrip,
  readMtu,
} from '#network/check/measure.ts'
import { CheckPlace } from '#network/check/place.ts'
import { chooseSubnet, hostSubnets, uplinkSubnets, usedSubnets } from '#network/choose-subnet.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import { formatIp, ipOfValue, parseSubnet } from '#network/ip.ts'
import { listNetworks } from '#network/networks.ts'
import { ownAddress } from '#network/own-address.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { chooseHostPorts } from '#network/ports/probe.ts'

/** The port in the container that is published. */
const GUEST_PORT = 8000
const LOOPBACK = '127.0.0.1'

/** What a network was made ready for measuring. */
interface Arrangement {
  place: CheckPlace
  /** where this machine is reached from there */
  host: string
  nameServers: readonly string[]
  /** this machine's port that leads to GUEST_PORT there */
  publishedPort: number
}

type Kind = NetworkCheck['network']
const kinds: readonly Kind[] = ['host', 'slirp4netns', 'pasta', 'bridge']

/** The verb: one after the other, so that they do not measure each other. `onResult` hears of each as it is done. */
export async function checkNetworks(options: NetworkCheckOptions): Promise<NetworkCheck[]> {
  const engine = await openEngine()
  const results: NetworkCheck[] = []
  for (const network of options.networks.length > 0 ? options.networks : kinds) {
    options.onBegin(network)
    results.push(await checkNetwork(engine, network, options))
  }
  return results
}

async function checkNetwork(engine: Engine, network: Kind, options: NetworkCheckOptions): Promise<NetworkCheck> {
  using resources = new DisposableStack()
  try {
    return { network, ...measure(await arrange(engine, network, resources), options) }
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return { network, missing: messageOf(error) }
    return { network, problems: [messageOf(error)] }
  }
}

/** What cannot be measured is said; the rest is measured all the same. */
function measure(
  { place, host, nameServers, publishedPort }: Arrangement,
  { seconds, name }: NetworkCheckOptions,
): Omit<NetworkCheck, 'network'> {
  const problems: string[] = []
  const attempt = <T>(what: string, take: () => T): T | undefined => {
    try {
      return take()
    } catch (error) {
      problems.push(messageOf(during(what, error)))
      return undefined
    }
  }
  const published = { ip: LOOPBACK, port: publishedPort }
  const connectMs = attempt(`connecting to ${host}`, () => measureConnect(place, host))
  const names = attempt('asking for a name', () => measureNames(place, nameServers, name))
  if (names === undefined) problems.push(`no name server answered: ${nameServers.join(', ') || 'there is none'}`)
  const roundTripMs = attempt('sending through a published port', () => measureRoundTrip(place, GUEST_PORT, published))
  const inGbits = attempt('measuring inwards', () => measureIn(place, GUEST_PORT, published, seconds * 1000))
  const outGbits = attempt('measuring outwards', () => measureOut(place, host, seconds * 1000))
  const mtu = attempt('reading the MTU', () => readMtu(place))
  return {
    connectMs,
    dnsMs: names?.ms,
    dnsAnswer: names?.answer,
    dnsServer: names?.server,
    roundTripMs,
    inGbits,
    outGbits,
    mtu,
    ...(problems.length > 0 && { problems }),
  }
}

async function arrange(engine: Engine, network: Kind, resources: DisposableStack): Promise<Arrangement> {
  const host = ownAddress() ?? LOOPBACK
  const hostServers = parseServers(readOrEmpty('/etc/resolv.conf'))
  if (network === 'host') {
    const place = resources.use(new CheckPlace(undefined))
    return { place, host, nameServers: hostServers, publishedPort: GUEST_PORT }
  }
  const namespace = await engine.namespace()
  const id = randomHex(32)
  const [port] = chooseHostPorts([{ hostIp: LOOPBACK, containerPort: GUEST_PORT, range: 1, protocol: 'tcp' }])
  if (port === undefined) throw new RangeError('no port was chosen')
  const publishedPort = port.hostPort
  if (network === 'bridge') {
    const place = resources.use(new CheckPlace(namespace))
    const nameServers = await joinBridge(engine, id, place, port, resources)
    return { place, host, nameServers, publishedPort }
  }
  const { driver } = connectNetwork(engine, { network: { kind: network, options: [] } })
  const { helper, ports, address } = driver ?? {}
  if (helper === undefined) throw new RangeError(`${network} has no helper`)
  const place = resources.use(new CheckPlace(namespace))
  const folder = join(engine.runRoot, `check-${id.slice(0, 12)}`)
  resources.use(new CheckHelper(helper, place.identity.pid, [port], folder))
  ports?.live?.add(folder, port)
  const own = address?.nameServer === undefined ? [] : [address.nameServer]
  const nearby = hostServers.filter(server => !/^(127\.|::1$)/.test(server))
  const nameServers = address?.nameServerUse === 'ifNone' ? [...nearby, ...own] : [...own, ...nearby]
  return { place, host, nameServers, publishedPort }
}

/** A network that is written down nowhere. Returns its name servers. */
async function joinBridge(
  engine: Engine,
  id: string,
  place: CheckPlace,
  port: PortMapping,
  resources: DisposableStack,
): Promise<readonly string[]> {
  const { connection, reservation } = await reserveNetworks({
    host: await serviceHost(engine),
    container: { id, name: 'network-check', dns: [] },
    endpoints: [{ network: checkDefinition(engine, id), aliases: [] }],
    uplinkPath: uplinkPath(engine),
  })
  resources.use(connection)
  connection.attach(place.identity)
  connection.finish()
  servicePorts.add(join(engine.runRoot, id.slice(0, 12), 'helper'), port)
  return reservation.nameServers
}

function checkDefinition(engine: Engine, id: string): NetworkDefinition {
  const used = [...usedSubnets(listNetworks(engine.graphRoot, networkByDefault(engine))), ...uplinkSubnets()]
  const subnet = chooseSubnet(engine.config.network.defaultSubnetPools, [...used, ...hostSubnets()])
  const parsed = parseSubnet(subnet)
  if (parsed === undefined) throw new RangeError(`"${subnet}" is no subnet`)
  return {
    name: `check-${id.slice(0, 8)}`,
    id,
    driver: 'bridge',
    network_interface: `check${id.slice(0, 8)}`,
    created: new Date().toISOString(),
    subnets: [{ subnet, gateway: formatIp(ipOfValue(parsed.version, parsed.base + 1n)) }],
    ipv6_enabled: false,
    internal: false,
    dns_enabled: true,
    ipam_options: { driver: 'host-local' },
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // no name servers, then
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
