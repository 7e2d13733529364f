// network connect, network disconnect: of a container that exists. A running one changes at once, without a restart.
import { join } from 'node:path'
import { hostNamesInside } from '#container/etc-files.ts'
import { withContainerLock } from '#container/lock.ts'
import { findContainer } from '#container/name-index.ts'
import { parseAddHost } from '#container/options/add-host.ts'
import { type ContainerId, type ContainerRecord, containerDir, readRecord, writeRecord } from '#container/record.ts'
import type { NetworkWish } from '#container/request.ts'
import { type ContainerState, isRunning, readStatus, writeState } from '#container/state.ts'
import {
  endpointContainer,
  endpointRequest,
  networkByDefault,
  networkOfWish,
  uplinkPath,
  wishesOf,
} from '#engine/container/join-networks.ts'
import { ensureService } from '#engine/container/network-service.ts'
import { serviceHost } from '#engine/container/service-host.ts'
import { machineOf } from '#engine/container/survey.ts'
import type { ConnectOptions } from '#engine/contracts/network.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { hasCode, TspodError } from '#errors.ts'
import { askService, findService } from '#network/bridge/client.ts'
import { requireInSubnets } from '#network/bridge/leases.ts'
import type { ContainerFiles, Endpoint, HostNames } from '#network/bridge/protocol.ts'
import { findNetwork } from '#network/networks.ts'
import { ownAddress } from '#network/own-address.ts'

/** The verb. Throws CONFLICT where the container is on the network already, or an address is taken. */
export async function connectContainer(network: string, container: string, options: ConnectOptions): Promise<void> {
  await changing(container, async ({ engine, record, folder, state }) => {
    const definition = findNetwork(engine.graphRoot, networkByDefault(engine), network)
    if (wishesOf(record.network).some(wish => networkOfWish(engine, wish).id === definition.id))
      throw new TspodError(
        'CONFLICT',
        `container ${record.id} is already connected to network "${definition.name}": network is already connected`,
      )
    const wish: NetworkWish = { name: definition.name, ...options }
    requireInSubnets(definition, wish)
    if (state !== undefined) {
      const endpoint = await connectRunning(engine, record, state, wish)
      writeEndpoints(folder, state, [...endpointsOf(state), endpoint])
    }
    return [...wishesOf(record.network), wish]
  })
}

async function connectRunning(
  engine: Engine,
  record: ContainerRecord,
  { pid, startTime }: ContainerState,
  wish: NetworkWish,
): Promise<Endpoint> {
  await ensureService(engine)
  const endpoint = endpointRequest(engine, wish)
  const host = endpoint.network.internal ? undefined : hostNames(engine, record)
  const { connection, answer } = await askService(await serviceHost(engine), {
    op: 'connect',
    container: endpointContainer(engine, record),
    pid,
    startTime,
    endpoint,
    uplinkPath: uplinkPath(engine),
    files: { ...filesOf(containerDir(engine.graphRoot, record.id)), ...(host && { host }) },
  })
  connection[Symbol.dispose]()
  return answer
}

/** What a container calls this machine, once it has a way out. */
function hostNames({ config }: Engine, { request }: ContainerRecord): HostNames | undefined {
  const { hostContainersInternalIp: configured } = config.containers
  const address = configured || ownAddress()
  if (address === undefined || configured === 'none') return undefined
  const added = request.addHosts.map(parseAddHost).filter(entry => entry.address === 'host-gateway')
  return { address, names: [...added.flatMap(({ names }) => names), ...hostNamesInside] }
}

/** The verb. `force` passes over a container or network that does not exist, or is not connected. */
export async function disconnectContainer(
  network: string,
  container: string,
  options: { force: boolean },
): Promise<void> {
  try {
    await changing(container, ({ engine, record, folder, state }) => {
      const { id, name } = findNetwork(engine.graphRoot, networkByDefault(engine), network)
      const left = wishesOf(record.network).filter(wish => networkOfWish(engine, wish).id !== id)
      if (left.length === wishesOf(record.network).length)
        throw new TspodError(
          'NOT_FOUND',
          `container ${record.name} is not connected to network "${name}": network is not connected`,
        )
      if (state !== undefined) {
        using service = findService(engine.runRoot)
        service?.ask({ op: 'disconnect', id: record.id, networkId: id, files: filesOf(folder) })
        writeEndpoints(
          folder,
          state,
          endpointsOf(state).filter(({ networkId }) => networkId !== id),
        )
      }
      return left
    })
  } catch (error) {
    if (!options.force || !hasCode(error, 'NOT_FOUND')) throw error
  }
}

interface Changing {
  engine: Engine
  record: ContainerRecord
  folder: string
  /** of a running container */
  state: ContainerState | undefined
}

/** Has `change` decide the networks of a container, and records them. */
async function changing(
  name: string,
  change: (facts: Changing) => NetworkWish[] | Promise<NetworkWish[]>,
): Promise<void> {
  const engine = await openEngine()
  const id: ContainerId = findContainer(engine.graphRoot, name)
  const folder = containerDir(engine.graphRoot, id)
  await withContainerLock(folder, async () => {
    const record = readRecord(engine.graphRoot, id)
    if (record.network.kind !== 'networks')
      throw new TspodError('INVALID', `"${record.network.kind}" is not supported: invalid network mode`, {
        hint: 'only a container that was made with --network bridge, or with a network of yours, can be connected to others',
      })
    const report = readStatus(folder, machineOf(engine))
    if (report.status === 'elsewhere')
      throw new TspodError('CONFLICT', `container ${record.name} runs on another machine`, { hint: 'use tspod there' })
    const state = isRunning(report) ? report.state : undefined
    const networks = await change({ engine, record, folder, state })
    writeRecord(engine.graphRoot, { ...record, network: { kind: 'networks', networks } })
  })
}

function filesOf(folder: string): ContainerFiles {
  return { resolvConf: join(folder, 'resolv.conf'), hosts: join(folder, 'hosts') }
}

function endpointsOf({ network }: ContainerState): Endpoint[] {
  return network?.address?.endpoints ?? []
}

function writeEndpoints(folder: string, state: ContainerState, endpoints: Endpoint[]): void {
  const { network } = state
  if (network?.address === undefined) return
  writeState(folder, { ...state, network: { ...network, address: { ...network.address, endpoints } } })
}
