// The part `NetworkSettings` of a container's inspection: how it is connected, as podman says it, and more.
import type { ContainerRecord } from '#container/record.ts'
import { type ContainerState, isHelperAlive } from '#container/state.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import type { Engine } from '#engine/open.ts'
import type { Endpoint } from '#network/bridge/protocol.ts'
import { lookInside } from '#network/look-inside.ts'
import { type PortMapping, unfoldPorts } from '#network/ports/mapping.ts'
import { parseExposed } from '#network/ports/parse.ts'
import { sharedNamespaces } from './shared-namespaces.ts'
import type { SeenContainer } from './survey.ts'

/**
 * NetworkSettings. Beyond podman's: `SourceAddress`, whether servers behind published ports see their client's address (`kept`; with
 * slirp4netns clients on this machine's loopback have the gateway's), `Helper`, the program that connects the container, and `SharedWith`, the
 * container whose network this one is in: `Current` is false once that one has another.
 */
export function describeNetwork(engine: Engine, seen: SeenContainer, record: ContainerRecord): InspectObject {
  const { isRunning, report } = seen
  const state = isRunning ? report.state : undefined
  const driver = state?.network?.driver
  const isOwn = driver !== undefined && driver !== 'host'
  const known = isOwn ? state?.network?.address : undefined
  const inside = isOwn && state !== undefined ? lookInside(state.pid) : undefined
  const { address6 } = known ?? {}
  return {
    EndpointID: '',
    Gateway: known?.gateway ?? inside?.gateway ?? '',
    IPAddress: known?.address ?? inside?.address ?? '',
    IPPrefixLen: known?.prefixLength ?? inside?.prefixLength ?? 0,
    IPv6Gateway: address6?.gateway ?? '',
    GlobalIPv6Address: address6?.address ?? '',
    GlobalIPv6PrefixLen: address6?.prefixLength ?? 0,
    MacAddress: inside?.macAddress ?? '',
    Bridge: '',
    SandboxID: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: portBindings(record.ports, record.exposed),
    Networks: describeEndpoints(isRunning ? (known?.endpoints ?? []) : wishedEndpoints(engine, record), seen.id),
    SandboxKey: state === undefined ? '' : `/proc/${state.pid}/ns/net`,
    ...(record.ports !== undefined && { SourceAddress: sourceAddress(record.ports, state?.network) }),
    ...(driver !== undefined &&
      state?.networkHelper !== undefined && {
        Helper: { Name: driver, Pid: state.networkHelper.pid, Running: isHelperAlive(state) },
      }),
    ...(state !== undefined && describeSharing(engine, state.pid, record)),
  }
}

function describeSharing(engine: Engine, pid: number, { request }: ContainerRecord): InspectObject {
  if (request.network.kind !== 'container') return {}
  const shared = sharedNamespaces(engine, pid, request).find(({ namespace }) => namespace === 'net')
  return shared === undefined ? {} : { SharedWith: { Container: shared.owner, Current: shared.isCurrent } }
}

/**
 * `rewritten` where servers behind one of the ports see an address of their own container: those that the network service forwards whole,
 * of udp, and of IPv6 to a container that has no such address.
 */
function sourceAddress(ports: readonly PortMapping[], network: ContainerState['network']): 'kept' | 'rewritten' {
  const { driver, address, forwarded = [] } = network ?? {}
  const has6 = address?.address6 !== undefined || address?.address.includes(':') === true
  const ofService =
    driver === 'pasta'
      ? forwarded
      : ports.filter(
          ({ hostIp, protocol }) => hostIp.includes(':') || (protocol === 'udp' && hostIp.startsWith('127.')),
        )
  const isRewritten = ofService.some(({ hostIp, protocol }) => protocol === 'udp' || (hostIp.includes(':') && !has6))
  return isRewritten ? 'rewritten' : 'kept'
}

/** The networks of a container that does not run: it has nothing of them yet but its names. */
function wishedEndpoints(
  { config }: Pick<Engine, 'config'>,
  { network }: ContainerRecord,
): Pick<Endpoint, 'network' | 'aliases'>[] {
  if (network.kind !== 'networks') return []
  const nameOf = (name: string) => (name === 'bridge' ? config.network.defaultNetwork : name)
  return network.networks.map(({ name, aliases }) => ({ network: nameOf(name), aliases }))
}

/** By the networks' names, in podman's words. */
function describeEndpoints(
  endpoints: readonly (Pick<Endpoint, 'network' | 'aliases'> & Partial<Endpoint>)[],
  id: string,
): InspectObject {
  return Object.fromEntries(
    endpoints.map(({ network, networkId = '', addresses = [], mac = '', aliases }) => {
      const four = addresses.find(({ ip }) => !ip.includes(':'))
      const six = addresses.find(({ ip }) => ip.includes(':'))
      const described = {
        EndpointID: '',
        Gateway: four?.gateway ?? '',
        IPAddress: four?.ip ?? '',
        IPPrefixLen: four?.prefixLength ?? 0,
        IPv6Gateway: six?.gateway ?? '',
        GlobalIPv6Address: six?.ip ?? '',
        GlobalIPv6PrefixLen: six?.prefixLength ?? 0,
        MacAddress: mac,
        NetworkID: networkId,
        DriverOpts: null,
        IPAMConfig: null,
        Links: null,
        Aliases: [...aliases, id.slice(0, 12)],
      }
      return [network, described] as const
    }),
  )
}

/** `{"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "81/tcp": null}`: published ports, and null for those that are only exposed. */
export function portBindings(ports: readonly PortMapping[] = [], exposed: readonly string[] = []): InspectObject {
  const bindings: Record<string, { HostIp: string; HostPort: string }[] | null> = {}
  for (const text of exposed) {
    const { containerPort, range, protocol } = parseExposed(text)
    for (let port = containerPort; port < containerPort + range; port++) bindings[`${port}/${protocol}`] = null
  }
  for (const { hostIp, hostPort, containerPort, protocol } of unfoldPorts(ports)) {
    const key = `${containerPort}/${protocol}`
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }]
  }
  return bindings
}
