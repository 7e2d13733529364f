// port add, port rm: ports of a container that exists. Of a running one they change at once, without a restart.
import { withContainerLock } from '#container/lock.ts'
import { findContainer } from '#container/name-index.ts'
import { type ContainerId, type ContainerRecord, containerDir, readRecord, writeRecord } from '#container/record.ts'
import { isRunning, readStatus } from '#container/state.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, TspodError } from '#errors.ts'
import { helperFolder } from '#monitor/run-folder.ts'
import { bridgePorts } from '#network/bridge/driver.ts'
import type { PortForwarder } from '#network/driver.ts'
import {
  foldPorts,
  isPortConflict,
  type PortMapping,
  type PortRequest,
  portText,
  unfoldPorts,
} from '#network/ports/mapping.ts'
import { chooseHostPorts } from '#network/ports/probe.ts'
import { connectNetwork } from './connect-network.ts'
import { explainFailure, settlePort } from './publish.ts'
import { machineOf } from './survey.ts'

/** The verb: publishes more ports; what they were settled to. Where one cannot be had, none is added. */
export async function addPorts(
  name: string,
  requests: readonly PortRequest[],
  options: { fallback: boolean },
): Promise<PortMapping[]> {
  return await changing(name, async ({ engine, record, forwarder, folder }) => {
    const before = record.ports ?? []
    const added: PortMapping[] = []
    try {
      for (const wanted of chooseHostPorts(requests)) {
        forwarder.check(wanted)
        requireUnpublished(record.name, [...before, ...added], wanted)
        for (const port of await settlePort(engine, wanted, forwarder, options.fallback)) {
          if (folder !== undefined) await addLive(engine, forwarder, folder, port)
          added.push(port)
        }
      }
    } catch (error) {
      if (folder !== undefined) for (const port of added) liveOf(forwarder).remove(folder, port)
      throw error
    }
    writeRecord(engine.graphRoot, { ...record, ports: [...before, ...added] })
    return added
  })
}

/**
 * The verb: takes ports back. A request without a host port means whatever leads to that port of the container. Connections that are
 * open stay open. Throws NOT_FOUND, with nothing changed, where one is not published.
 */
export async function removePorts(name: string, requests: readonly PortRequest[]): Promise<PortMapping[]> {
  return await changing(name, async ({ engine, record, forwarder, folder }) => {
    const published = unfoldPorts(record.ports ?? [])
    const gone = new Set(requests.flatMap(request => matching(record.name, published, request)))
    if (folder !== undefined) for (const port of gone) liveOf(forwarder).remove(folder, port)
    writeRecord(engine.graphRoot, { ...record, ports: foldPorts(published.filter(port => !gone.has(port))) })
    return foldPorts([...gone])
  })
}

interface Changing {
  engine: Engine
  record: ContainerRecord
  forwarder: PortForwarder
  /** Where the helper of a running container has its socket. */
  folder: string | undefined
}

async function changing<T>(name: string, change: (facts: Changing) => Promise<T>): Promise<T> {
  const engine = await openEngine()
  const id = findContainer(engine.graphRoot, name)
  return await withContainerLock(containerDir(engine.graphRoot, id), async () => {
    const facts = factsOf(engine, id)
    try {
      return await change(facts)
    } catch (error) {
      throw during(`changing the ports of container "${facts.record.name}"`, error)
    }
  })
}

function factsOf(engine: Engine, id: ContainerId): Changing {
  const record = readRecord(engine.graphRoot, id)
  const report = readStatus(containerDir(engine.graphRoot, id), machineOf(engine))
  const refuse = (why: string, hint: string) =>
    new TspodError('CONFLICT', `changing the ports of container "${record.name}": ${why}`, { hint })
  if (report.status === 'elsewhere') throw refuse('it runs on another machine', 'use tspod there')
  const { kind, driver } = connectNetwork(engine, record.request)
  const forwarder = driver?.name === 'bridge' ? bridgePorts : driver?.ports
  if (forwarder === undefined)
    throw kind === 'joined'
      ? refuse('it shares the network of another', 'publish the ports of that one')
      : refuse(`its network is ${kind}`, 'only a network of its own has ports to publish')
  if (!isRunning(report)) return { engine, record, forwarder, folder: undefined }
  if (report.state?.network?.driver !== driver?.name)
    throw refuse(
      `it was started with ${report.state?.network?.driver}, and the configuration has changed since`,
      'restart it',
    )
  liveOf(forwarder)
  return { engine, record, forwarder, folder: helperFolder(engine.runRoot, id) }
}

function liveOf({ live }: PortForwarder): NonNullable<PortForwarder['live']> {
  if (live !== undefined) return live
  throw new TspodError('UNSUPPORTED', 'pasta takes its ports when it starts, and the container runs', {
    hint: 'stop it, change its ports, and start it; or use --network slirp4netns',
  })
}

async function addLive(engine: Engine, forwarder: PortForwarder, folder: string, port: PortMapping): Promise<void> {
  try {
    liveOf(forwarder).add(folder, port)
  } catch (error) {
    throw await explainFailure(engine, [port], forwarder, error)
  }
}

function requireUnpublished(name: string, published: readonly PortMapping[], wanted: PortMapping): void {
  const other = published.find(each => isPortConflict(each, wanted))
  if (other !== undefined)
    throw new TspodError('IN_USE', `publishing ${portText(wanted)}: container "${name}" publishes ${portText(other)}`)
}

function matching(name: string, published: readonly PortMapping[], request: PortRequest): PortMapping[] {
  const { hostIp, hostPort, containerPort, range, protocol } = request
  const found = published.filter(
    port =>
      port.protocol === protocol &&
      port.containerPort >= containerPort &&
      port.containerPort < containerPort + range &&
      (hostIp === '' || port.hostIp === hostIp) &&
      (hostPort === undefined || port.hostPort - hostPort === port.containerPort - containerPort),
  )
  if (found.length > 0) return found
  const wanted = hostPort === undefined ? `${containerPort}/${protocol}` : portText({ ...request, hostPort })
  throw new TspodError('NOT_FOUND', `container "${name}" does not publish ${wanted}`, {
    hint: `tspod port ${name} lists what it does`,
  })
}
