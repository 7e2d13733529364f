// The network service as commands rely on it. Where it and its watchers were killed at once, the running containers' interfaces are gone
// with the namespace: whoever needs the next service has it make them anew, with the addresses they had.
import type { ContainerRecord } from '#container/record.ts'
import type { ContainerState } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { during } from '#errors.ts'
import { log } from '#log.ts'
import { askService, awaitService, findService } from '#network/bridge/client.ts'
import type { Endpoint, EndpointContainer, EndpointRequest } from '#network/bridge/protocol.ts'
import { findNetwork } from '#network/networks.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { endpointContainer, networkByDefault, uplinkPath } from './join-networks.ts'
import { serviceHost } from './service-host.ts'
import { surveyRunning } from './survey.ts'

/** A running container that the network service looks after. */
export interface ServedContainer {
  record: ContainerRecord
  state: ContainerState
}

/** Where no service runs and there are containers that it had: waits for one that is about to show itself again, else restores them. */
export async function ensureService(engine: Engine): Promise<void> {
  using found = findService(engine.runRoot)
  if (found !== undefined) return
  const served = listServed(engine)
  if (served.length === 0 || awaitService(engine.runRoot)) return
  for (const container of served)
    try {
      await restoreContainer(engine, container)
    } catch (error) {
      log.warn(during(`connecting container "${container.record.name}" again`, error).message)
    }
}

/** Those that run, on networks of the service or with ports that it forwards. */
export function listServed(engine: Engine): ServedContainer[] {
  return surveyRunning(engine).flatMap(({ record, report: { state } }) =>
    record !== undefined && state !== undefined && isServed(record, state) ? [{ record, state }] : [],
  )
}

export function isServed(record: ContainerRecord, state: ContainerState): boolean {
  return endpointsOf(state).length > 0 || portsOfService(record, state).length > 0
}

/** Has the service make what a running container had; one that the service knows is left as it is. */
export async function restoreContainer(engine: Engine, { record, state }: ServedContainer): Promise<void> {
  const { pid, startTime } = state
  const { connection } = await askService(await serviceHost(engine), {
    op: 'restore',
    container: servedContainer(engine, record, state),
    pid,
    startTime,
    endpoints: endpointsOf(state).map(endpoint => requestOf(engine, endpoint)),
    ports: portsOfService(record, state),
    uplinkPath: uplinkPath(engine),
  })
  connection[Symbol.dispose]()
}

/** As the service knows it: one with a helper of its own by the addresses that this gave it. */
export function servedContainer(
  engine: Pick<Engine, 'graphRoot'>,
  record: ContainerRecord,
  { network }: Pick<ContainerState, 'network'>,
): EndpointContainer {
  const { address } = network ?? {}
  if (address?.endpoints !== undefined) return endpointContainer(engine, record)
  const addresses = [address?.address, address?.address6?.address].filter(each => each !== undefined)
  return { ...endpointContainer(engine, record), guest: addresses }
}

function endpointsOf({ network }: ContainerState): Endpoint[] {
  return network?.address?.endpoints ?? []
}

/** On networks of the service all of them; else those that the container's own helper cannot publish. */
function portsOfService({ ports = [] }: ContainerRecord, { network }: ContainerState): PortMapping[] {
  if (network?.driver === 'bridge') return ports
  if (network?.driver === 'slirp4netns') return ports.filter(({ hostIp }) => hostIp.includes(':'))
  return network?.forwarded ?? []
}

function requestOf(
  engine: Engine,
  { network, mac, interface: interfaceName, addresses, aliases }: Endpoint,
): EndpointRequest {
  const ip = addresses.find(each => !each.ip.includes(':'))?.ip
  const ip6 = addresses.find(each => each.ip.includes(':'))?.ip
  return {
    network: findNetwork(engine.graphRoot, networkByDefault(engine), network),
    aliases,
    mac,
    interfaceName,
    ...(ip !== undefined && { ip }),
    ...(ip6 !== undefined && { ip6 }),
  }
}
