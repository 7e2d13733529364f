// The driver of user-defined networks, from the side of the command that starts a container: what it asks the network service for.
import { basename, dirname } from 'node:path'
import { TspodError } from '#errors.ts'
import type { LivePorts, NetworkAddress, NetworkConnection, PortForwarder } from '#network/driver.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { PortTakenError } from '#network/ports/taken.ts'
import type { ProcessIdentity } from '#sys/process.ts'
import { askService, findService, type ServiceConnection, type ServiceHost } from './client.ts'
import { DOMAIN } from './dns/names.ts'
import { bridgePortRules } from './kind.ts'
import type { EndpointContainer, EndpointRequest, Reservation } from './protocol.ts'

export interface ReserveRequest {
  host: ServiceHost
  container: EndpointContainer
  endpoints: EndpointRequest[]
  /** slirp4netns; absent where it is not installed */
  uplinkPath?: string
}

/** Addresses for a container that is about to start, and the connection that becomes its place there. */
export async function reserveNetworks(
  request: ReserveRequest,
): Promise<{ connection: NetworkConnection; reservation: Reservation }> {
  const { host, container, endpoints, uplinkPath } = request
  const asked = await askService(host, { op: 'reserve', container, endpoints })
  return { connection: new Place(asked.connection, uplinkPath), reservation: asked.answer }
}

class Place implements NetworkConnection {
  readonly #service: ServiceConnection
  readonly #uplinkPath: string | undefined

  constructor(service: ServiceConnection, uplinkPath: string | undefined) {
    this.#service = service
    this.#uplinkPath = uplinkPath
  }

  attach({ pid, startTime }: ProcessIdentity): void {
    this.#service.send({ op: 'attach', pid, startTime, uplinkPath: this.#uplinkPath })
  }

  finish(): void {
    this.#service.receive()
  }

  [Symbol.dispose](): void {
    this.#service[Symbol.dispose]()
  }
}

/** What the container's files say of it: its first network counts. */
export function bridgeAddress(
  { endpoints, nameServers }: Reservation,
  hostAddress: string | undefined,
): NetworkAddress {
  const all = endpoints.flatMap(({ addresses }) => addresses)
  const four = all.find(({ ip }) => !ip.includes(':'))
  const six = all.find(({ ip }) => ip.includes(':'))
  const first = four ?? six
  const isOut = all.some(({ gateway }) => gateway !== undefined)
  return {
    address: first?.ip ?? '127.0.0.1',
    prefixLength: first?.prefixLength ?? 8,
    gateway: first?.gateway ?? '',
    ...(six !== undefined &&
      four !== undefined && {
        address6: { address: six.ip, prefixLength: six.prefixLength, gateway: six.gateway ?? '' },
      }),
    ...(nameServers.length > 0 && { nameServers, searches: [DOMAIN] }),
    ...(isOut && hostAddress !== undefined && { hostAddress }),
    endpoints,
  }
}

/** Ports that the service leads to a container that it knows; it takes them back when the container ends. */
export const servicePorts: LivePorts = {
  add: (folder, port) => change(folder, 'publish', port),
  remove: (folder, port) => change(folder, 'unpublish', port),
}

export const bridgePorts: PortForwarder = { ...bridgePortRules, live: servicePorts }

/** `folder` is a helper's, `<runtime folder>/<first digits of the id>/helper`. */
function change(folder: string, op: 'publish' | 'unpublish', port: PortMapping): void {
  const own = dirname(folder)
  using service = findService(dirname(own))
  if (service === undefined)
    throw new TspodError('CONFLICT', 'the network service does not run: ports cannot be changed')
  try {
    service.ask({ op, id: basename(own), port })
  } catch (error) {
    if (error instanceof TspodError && error.code === 'IN_USE') throw new PortTakenError(port, error)
    throw error
  }
}
