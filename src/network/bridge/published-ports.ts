// Ports of the host that lead to containers the service looks after: IPv4 ports of containers on user-defined networks through the
// uplink's program, whose servers see their clients; all others, and clients that it cannot answer, through a forwarder of ours. Runs in
// the network service.
import { TspodError } from '#errors.ts'
import { Forwarder } from '#network/forward/forwarder.ts'
import { type PortMapping, portText } from '#network/ports/mapping.ts'
import { isUnsupportedAddress } from '#network/ports/taken.ts'
import type { ApiSocket } from '#network/slirp4netns/api.ts'
import { addPort, hasPort, removePort } from '#network/slirp4netns/ports.ts'
import type { ServiceParts } from './parts.ts'
import type { ContainerState } from './state.ts'
import { UPLINK_SOCKET } from './uplink.ts'
import type { WayOut } from './way-out.ts'

/** How often a port is asked for that somebody else has taken meanwhile. */
const RETRY_MS = 1000

export class PublishedPorts {
  readonly #parts: ServiceParts
  readonly #wayOut: WayOut
  readonly #forwarder: Forwarder

  constructor(parts: ServiceParts, wayOut: WayOut) {
    this.#parts = parts
    this.#wayOut = wayOut
    this.#forwarder = new Forwarder(parts)
  }

  /** From now on the port leads to the container. Throws IN_USE, with none of a range published, where one cannot be had. */
  publish(container: ContainerState, port: PortMapping): void {
    this.#open(container, port)
    container.ports = [...(container.ports ?? []), port]
  }

  /** Throws NOT_FOUND for a port that is not published here. */
  unpublish(container: ContainerState, port: PortMapping): void {
    const text = portText(port)
    const known = container.ports?.find(each => isPart(each, port))
    if (known === undefined)
      throw new TspodError('NOT_FOUND', `the network service does not publish ${text} of container "${container.name}"`)
    for (const each of forwardedParts(container, port)) this.#forwarder.close(container, each)
    if (isByUplink(container, port)) removePort(this.#apiSocket(), port)
    container.ports = container.ports?.flatMap(each => (each === known ? without(each, port) : [each]))
  }

  /** As `publish` for a port that it had before: where it is lost to somebody else, that is said in the log, and tried again. */
  publishAgain(container: ContainerState, port: PortMapping): void {
    container.ports = [...(container.ports ?? []), port]
    this.#again(container, port, () => this.#open(container, port))
  }

  /** Goes on for a service that was killed: its listening sockets are gone with it. */
  resume(container: ContainerState): void {
    for (const port of container.ports ?? []) this.#again(container, port, () => this.#forward(container, port))
  }

  /** The uplink's program is another one, which knows of no port, or one that a service before this one has started. */
  republish(container: ContainerState): void {
    for (const port of container.ports ?? [])
      if (isByUplink(container, port)) this.#again(container, port, () => this.#addAgain(container, port))
  }

  /** The program wants every address, and does not get it while one of them is somebody's (bind(2)): ours is taken after it. */
  #addAgain(container: ContainerState, port: PortMapping): void {
    if (!this.#wayOut.isWorking || hasPort(this.#apiSocket(), port)) return // where it does not work, we come back when it does
    const within = forwardedParts(container, port).filter(({ hostIp }) => !hostIp.includes(':'))
    for (const each of within) this.#forwarder.close(container, each)
    try {
      this.#addToUplink(container, port)
    } finally {
      for (const each of within) this.#forwarder.open(container, each, true)
    }
  }

  /** Takes back whatever leads to a container that has ended. */
  retract(container: ContainerState): void {
    this.#forwarder.closeAll(container)
    for (const port of container.ports ?? []) {
      if (!isByUplink(container, port)) continue
      try {
        removePort(this.#apiSocket(), port)
      } catch (error) {
        this.#parts.log(`retracting ${portText(port)}: ${String(error)}`) // with the uplink gone, so is the port
      }
    }
    delete container.ports
  }

  #open(container: ContainerState, port: PortMapping): void {
    this.#addToUplink(container, port)
    try {
      this.#forward(container, port)
    } catch (error) {
      for (const each of forwardedParts(container, port)) this.#forwarder.close(container, each)
      if (isByUplink(container, port)) removePort(this.#apiSocket(), port)
      throw error
    }
  }

  #addToUplink(container: ContainerState, port: PortMapping): void {
    if (!isByUplink(container, port)) return
    if (!this.#wayOut.isWorking)
      throw new TspodError('CONFLICT', `publishing ${portText(port)}: the way out of the networks does not work`)
    addPort(this.#apiSocket(), uplinkTarget(container), port)
  }

  #forward(container: ContainerState, port: PortMapping): void {
    const sharesAddress = isByUplink(container, port)
    for (const each of forwardedParts(container, port))
      try {
        this.#forwarder.open(container, each, sharesAddress)
      } catch (error) {
        const isOptional = each !== port && isUnsupportedAddress(error) // a machine without IPv6
        if (!isOptional) throw error
      }
  }

  /** Where somebody else has the port meanwhile, it is tried again until he has gone, or the container has ended. */
  #again(container: ContainerState, port: PortMapping, open: () => void, isFirst = true): void {
    try {
      open()
    } catch (error) {
      if (isFirst) this.#parts.log(`publishing ${portText(port)} again: ${String(error)}`)
      this.#parts.deadlines.set(`port ${container.id} ${portText(port)}`, RETRY_MS, () => {
        if (container.ports?.includes(port) === true) this.#again(container, port, open, false)
      })
    }
  }

  #apiSocket(): ApiSocket {
    return { folder: this.#parts.folder, name: UPLINK_SOCKET }
  }
}

/**
 * slirp4netns publishes IPv4 ports only, and only of containers behind it. Its answers to udp clients on this machine's loopback would go
 * to its gateway, and be lost.
 */
function isByUplink({ endpoints }: ContainerState, { hostIp, protocol }: PortMapping): boolean {
  return endpoints.length > 0 && !hostIp.includes(':') && !(protocol === 'udp' && hostIp.startsWith('127.'))
}

/** What of a port the forwarder has: all of it, or what the uplink's program leaves of one of every address. */
function forwardedParts(container: ContainerState, port: PortMapping): PortMapping[] {
  if (!isByUplink(container, port)) return [port]
  const isOfEvery4 = port.hostIp === '' || port.hostIp === '0.0.0.0'
  return [
    ...(port.hostIp === '' ? [{ ...port, hostIp: '::' }] : []),
    ...(isOfEvery4 && port.protocol === 'udp' ? [{ ...port, hostIp: '127.0.0.1' }] : []),
  ]
}

/** Where ports of the uplink's program lead to. */
function uplinkTarget({ name, endpoints }: ContainerState): string {
  const addresses = endpoints.flatMap(({ endpoint }) => endpoint.addresses)
  const found = addresses.find(({ ip, gateway }) => gateway !== undefined && !ip.includes(':'))
  if (found !== undefined) return found.ip
  throw new TspodError(
    'UNSUPPORTED',
    `publishing ports of container "${name}": none of its networks has a way out by IPv4`,
    {
      hint: 'an --internal network cannot publish ports; connect another one',
    },
  )
}

/** True where `part` is a piece of `whole`, which may be a range. */
function isPart(whole: PortMapping, part: PortMapping): boolean {
  const offset = part.hostPort - whole.hostPort
  return (
    whole.protocol === part.protocol &&
    whole.hostIp === part.hostIp &&
    offset >= 0 &&
    offset + part.range <= whole.range &&
    part.containerPort - whole.containerPort === offset
  )
}

/** What is left of a range without a piece of it. */
function without(whole: PortMapping, part: PortMapping): PortMapping[] {
  const before = part.hostPort - whole.hostPort
  const after = whole.range - before - part.range
  const skip = whole.range - after
  return [
    { ...whole, range: before },
    { ...whole, hostPort: whole.hostPort + skip, containerPort: whole.containerPort + skip, range: after },
  ].filter(({ range }) => range > 0)
}
