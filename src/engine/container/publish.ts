// The published ports of a container: decided when it is made, tried before it starts, and who is in the way where one cannot be had.
import type { ContainerRecord } from '#container/record.ts'
import { writeRecord } from '#container/record.ts'
import type { ContainerRequest } from '#container/request.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { passwdEntry } from '#host/user.ts'
import { log } from '#log.ts'
import type { NetworkDriver, PortForwarder } from '#network/driver.ts'
import { HelperFailure } from '#network/helper-failure.ts'
import { findPortHolder } from '#network/ports/holder.ts'
import { hostText, isPortConflict, type PortMapping, portText, unfoldPorts } from '#network/ports/mapping.ts'
import { parseExposed } from '#network/ports/parse.ts'
import {
  chooseHostPorts,
  firstRefused,
  nextFreePort,
  type RefusedPort,
  unprivilegedStart,
} from '#network/ports/probe.ts'
import { PortTakenError } from '#network/ports/taken.ts'
import { endOrphanedHelpers } from './orphaned-helpers.ts'
import { surveyRunning } from './survey.ts'

/**
 * What a new container publishes: --publish, and with --publish-all what the image and --expose name. Free ports are chosen where none
 * was said. Throws for a port that the network cannot publish, and for one that is asked for twice.
 */
export function decidePorts(
  request: ContainerRequest,
  exposed: readonly string[],
  network: NetworkDriver | undefined,
): PortMapping[] {
  const all = request.publishAll
    ? [...exposed.map(text => parseExposed(text, 'EXPOSE')), ...request.expose.map(text => parseExposed(text))]
    : []
  const open = all.filter(
    ({ containerPort, protocol }) =>
      !request.publish.some(port => port.protocol === protocol && port.containerPort === containerPort),
  )
  const wanted = [...request.publish, ...open]
  if (wanted.length === 0) return []
  if (network?.ports === undefined) {
    log.warn('Port mappings have been discarded as one of the Host, Container, Pod, and None network modes are in use')
    return []
  }
  const ports = distinct(chooseHostPorts(wanted), network.ports.everyAddress)
  for (const port of ports) network.ports.check(port)
  return ports
}

/** Without repetitions. Throws where two overlap. */
function distinct(ports: readonly PortMapping[], everyAddress: readonly string[]): PortMapping[] {
  const kept: PortMapping[] = []
  for (const port of ports) {
    const other = kept.find(each => isPortConflict(each, port, everyAddress))
    if (other === undefined) kept.push(port)
    else if (!isPublishedBy(other, port))
      throw new TspodError('INVALID', `publishing ${portText(port)}: ${portText(other)} is asked for too`)
  }
  return kept
}

/** True where the first, of every address or the same one, is the second too. */
function isPublishedBy(whole: PortMapping, part: PortMapping): boolean {
  const { hostPort, containerPort, range } = part
  const isSame = whole.hostPort === hostPort && whole.containerPort === containerPort && whole.range === range
  return isSame && (whole.hostIp === '' || whole.hostIp === part.hostIp)
}

/**
 * Tries the ports of a container that is about to start. With --port-fallback, low ones that may not be bound become others, in the
 * record too. Throws IN_USE naming who has a port, DENIED for a low one, INVALID for an address of another machine.
 */
export async function settlePorts(
  engine: Engine,
  record: ContainerRecord,
  forwarder: PortForwarder,
): Promise<ContainerRecord> {
  const before = record.ports ?? []
  const ports: PortMapping[] = []
  for (const port of before) ports.push(...(await settlePort(engine, port, forwarder, record.request.portFallback)))
  if (ports.length === before.length && ports.every((port, index) => port === before[index])) return record
  const settled = { ...record, ports }
  writeRecord(engine.graphRoot, settled)
  return settled
}

/** One of them: what it becomes. */
export async function settlePort(
  engine: Engine,
  port: PortMapping,
  forwarder: PortForwarder,
  hasFallback: boolean,
): Promise<PortMapping[]> {
  const refused = firstRefused(port, forwarder.everyAddress)
  if (refused === undefined) return [port]
  if (refused.state === 'denied' && hasFallback)
    return unfoldPorts([port]).map(each => fallBack(each, forwarder.everyAddress))
  if (refused.state === 'taken' && (await endOrphanedHelpers(engine)) > 0)
    return await settlePort(engine, port, forwarder, hasFallback)
  throw refusal(engine, refused, forwarder)
}

/** 80 becomes 8080, 443 becomes 8443, or the next free one. */
function fallBack(port: PortMapping, everyAddress: readonly string[]): PortMapping {
  if (firstRefused(port, everyAddress)?.state !== 'denied') return port
  const hostPort = nextFreePort(port, 8000 + port.hostPort, everyAddress)
  if (hostPort === undefined) throw new TspodError('IN_USE', `publishing ${portText(port)}: no port above 8000 is free`)
  log.warn(`port ${port.hostPort} may not be bound by a normal user here: port ${hostPort} is published instead`)
  return { ...port, hostPort }
}

/** What a failed start is to be reported as: a port that somebody took in between is the better explanation. */
export async function explainFailure(
  engine: Engine,
  ports: readonly PortMapping[],
  forwarder: PortForwarder,
  error: unknown,
): Promise<unknown> {
  if (error instanceof PortTakenError) {
    const { port } = error
    return refusal(engine, firstRefused(port, forwarder.everyAddress) ?? { port, state: 'taken' }, forwarder)
  }
  if (error instanceof HelperFailure) for (const port of ports) await settlePort(engine, port, forwarder, false)
  return error
}

function refusal(engine: Engine, { port, state }: RefusedPort, { everyAddress }: PortForwarder): TspodError {
  const doing = `publishing ${portText(port)}`
  switch (state) {
    case 'taken': {
      const free = nextFreePort(port, port.hostPort + 1, everyAddress)
      const { who, hint } = holderText(engine, port)
      const other = free === undefined ? [] : [`port ${free} is free`]
      return new TspodError('IN_USE', `${doing}: ${hostText(port)}: address already in use${who}`, {
        hint: [...other, ...hint].join('; '),
      })
    }
    case 'denied':
      return new TspodError(
        'DENIED',
        `${doing}: permission denied: only ports from ${unprivilegedStart()} on are for normal users`,
        {
          hint: `publish a higher one, or let --port-fallback choose it; an administrator can change that: sysctl net.ipv4.ip_unprivileged_port_start=${port.hostPort}`,
        },
      )
    case 'foreign':
      return new TspodError(
        'INVALID',
        `${doing}: cannot assign requested address: "${port.hostIp}" is none of this machine's`,
      )
  }
}

/** A container of ours first: its helper may not let itself be looked at. */
function holderText(engine: Engine, port: PortMapping): { who: string; hint: string[] } {
  const container = surveyRunning(engine).find(({ record }) => record?.ports?.some(each => isPortConflict(each, port)))
  if (container?.record !== undefined) {
    const { name } = container.record
    return { who: ` by container "${name}"`, hint: [`or end the other one: tspod stop ${name}`] }
  }
  const holder = findPortHolder(port)
  if (holder === undefined) return { who: '', hint: [] }
  if (holder.process === undefined)
    return { who: ` by a process of user ${passwdEntry(holder.uid)?.name ?? holder.uid}`, hint: [] }
  return { who: ` by process ${holder.process.pid} (${holder.process.name})`, hint: [] }
}
