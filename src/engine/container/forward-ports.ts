// Ports that the network service forwards, since the container's own helper cannot: those of IPv6 addresses with slirp4netns, and those
// that are added while pasta runs.
import type { ContainerRecord } from '#container/record.ts'
import type { ContainerState } from '#container/state.ts'
import type { Engine } from '#engine/open.ts'
import { askService } from '#network/bridge/client.ts'
import { reserveNetworks, servicePorts } from '#network/bridge/driver.ts'
import type { LivePorts, NetworkDriver, PortForwarder } from '#network/driver.ts'
import type { CreatedContainer } from './create.ts'
import type { JoinedNetworks } from './join-networks.ts'
import { ensureService, servedContainer } from './network-service.ts'
import { serviceHost } from './service-host.ts'

/** For a container that is about to start with such ports. */
export async function joinForwarder(engine: Engine, { record, blueprint }: CreatedContainer): Promise<JoinedNetworks> {
  const { driver } = blueprint.network
  if (driver === undefined) throw new RangeError('a container without a network has no ports')
  const { connection } = await reserveNetworks({
    host: await serviceHost(engine),
    container: servedContainer(engine, record, { network: { driver: driver.name, address: driver.address } }),
    endpoints: [],
  })
  return { driver: withForwarded(driver), connection, files: blueprint.files }
}

function withForwarded(driver: NetworkDriver): NetworkDriver {
  const { ports } = driver
  if (ports === undefined) return driver
  const pick = (port: Parameters<LivePorts['add']>[1]): LivePorts | undefined =>
    ports.isForwarded?.(port) === true ? servicePorts : ports.live
  const live: LivePorts = {
    add: (folder, port) => pick(port)?.add(folder, port),
    remove: (folder, port) => pick(port)?.remove(folder, port),
  }
  return { ...driver, ports: { ...ports, live } }
}

/** For a running container: who changes this port of it. */
export async function livePorts(
  engine: Engine,
  record: ContainerRecord,
  state: ContainerState,
  forwarder: PortForwarder,
  port: Parameters<LivePorts['add']>[1],
): Promise<LivePorts> {
  if (forwarder.live !== undefined && forwarder.isForwarded?.(port) !== true) return forwarder.live
  await ensureService(engine)
  const { pid, startTime } = state
  const { connection } = await askService(await serviceHost(engine), {
    op: 'adopt',
    container: servedContainer(engine, record, state),
    pid,
    startTime,
  })
  connection[Symbol.dispose]()
  return servicePorts
}
