// port add, port rm: ports of a container that exists. Of a running one they change at once, without a restart.
import { withContainerLock } from '#container/lock.ts'
import { findContainer } from '#container/name-index.ts'
import { type ContainerId, type ContainerRecord, containerDir, readRecord, writeRecord } from '#container/record.ts'
import { type ContainerState, isRunning, readState, readStatus, writeState } from '#container/state.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { during, hasCode, TspodError } from '#errors.ts'
import { helperFolder } from '#monitor/run-folder.ts'
import { bridgePorts, servicePorts } from '#network/bridge/driver.ts'
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
import { livePorts } from './forward-ports.ts'
import { explainFailure, settlePort } from './publish.ts'
import { machineOf } from './survey.ts'

/** The verb: publishes more ports; what they were settled to. Where one cannot be had, none is added. */
export async function addPorts(
  name: string,
  requests: readonly PortRequest[],
  options: { fallback: boolean },
): Promise<PortMapping[]> {
  return await changing(name, async ({ engine, record, forwarder, running }) => {
    const before = record.ports ?? []
    const added: PortMapping[] = []
    try {
      for (const wanted of chooseHostPorts(requests)) {
        forwarder.check(wanted)
        requireUnpublished(record.name, [...before, ...added], wanted)
        for (const port of await settlePort(engine, wanted, forwarder, options.fallback)) {
          await running?.add(port)
          added.push(port)
        }
      }
    } catch (error) {
      for (const port of added) await running?.remove(port)
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
  return await changing(name, async ({ engine, record, running }) => {
    const published = unfoldPorts(record.ports ?? [])
    const gone = new Set(requests.flatMap(request => matching(record.name, published, request)))
    const retracted: PortMapping[] = []
    try {
      for (const port of gone) {
        await running?.remove(port)
        retracted.push(port)
      }
    } catch (error) {
      for (const port of retracted) await running?.add(port)
      throw error
    }
    writeRecord(engine.graphRoot, { ...record, ports: foldPorts(published.filter(port => !gone.has(port))) })
    return foldPorts([...gone])
  })
}

interface Changing {
  engine: Engine
  record: ContainerRecord
  forwarder: PortForwarder
  /** Absent where it does not run. */
  running: RunningPorts | undefined
}

interface RunningPorts {
  add(port: PortMapping): Promise<void>
  remove(port: PortMapping): Promise<void>
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
  if (!isRunning(report) || report.state === undefined) return { engine, record, forwarder, running: undefined }
  if (report.state?.network?.driver !== driver?.name)
    throw refuse(
      `it was started with ${report.state?.network?.driver}, and the configuration has changed since`,
      'restart it',
    )
  return { engine, record, forwarder, running: runningPorts(engine, record, report.state, forwarder) }
}

function runningPorts(
  engine: Engine,
  record: ContainerRecord,
  state: ContainerState,
  forwarder: PortForwarder,
): RunningPorts {
  const sockets = helperFolder(engine.runRoot, record.id)
  const folder = containerDir(engine.graphRoot, record.id)
  const live = async (port: PortMapping) => await livePorts(engine, record, state, forwarder, port)
  return {
    async add(port) {
      try {
        const ports = await live(port)
        ports.add(sockets, port)
        if (ports === servicePorts && forwarder.live === undefined) noteForwarded(folder, kept => [...kept, port])
      } catch (error) {
        throw await explainFailure(engine, [port], forwarder, error)
      }
    },
    async remove(port) {
      try {
        ;(await live(port)).remove(sockets, port)
        noteForwarded(folder, kept => kept.filter(each => portText(each) !== portText(port)))
      } catch (error) {
        if (forwarder.live !== undefined || !hasCode(error, 'NOT_FOUND')) throw error
        throw new TspodError(
          'UNSUPPORTED',
          `pasta was given ${portText(port)} when it started, and keeps it to its end`,
          {
            hint: 'stop the container, take its port back, and start it; or use --network slirp4netns',
            cause: error,
          },
        )
      }
    },
  }
}

/** What the service forwards for a container whose helper was given the rest: inspect tells the difference. */
function noteForwarded(folder: string, change: (forwarded: PortMapping[]) => PortMapping[]): void {
  const state = readState(folder)
  if (state?.network === undefined) return
  const { forwarded = [] } = state.network
  const changed = change(unfoldPorts(forwarded))
  if (changed.length === forwarded.length) return
  writeState(folder, { ...state, network: { ...state.network, forwarded: changed } })
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
