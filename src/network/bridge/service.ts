// The network service: the one process of a user that changes the user's network namespace. It hands out addresses, makes bridges and
// pairs of interfaces, sees to the way out, and takes away what a container that has ended leaves. In the user's namespace and the host's
// network; its hands are in the other one. A plain loop over Poller, everything synchronous.
import { TspodError } from '#errors.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import { mtuOf } from '#network/definition.ts'
import { formatCard, formatIp, parseCard, parseIp } from '#network/ip.ts'
import { type PortMapping, portText } from '#network/ports/mapping.ts'
import type { ApiSocket } from '#network/slirp4netns/api.ts'
import { addPort, removePort } from '#network/slirp4netns/ports.ts'
import { trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { O_RDONLY, SOCK_NONBLOCK } from '#sys/flags.ts'
import { dumpLinks, type Link, parseLink, removeLink } from '#sys/netlink/link.ts'
import { removeNeighbour } from '#sys/netlink/neighbour.ts'
import { type NetlinkSocket, SOCK_RAW } from '#sys/netlink/socket.ts'
import { AF_PACKET, packetProtocol } from '#sys/packet-socket.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { isAlive, openPidFd, type ProcessIdentity, waitProcess } from '#sys/process.ts'
import type { NameServer } from './dns/server.ts'
import type { Hands } from './hands.ts'
import { cardAddress, leaseAddresses } from './leases.ts'
import type { StateMemory } from './memory.ts'
import {
  bridgeSettings,
  planBridge,
  planBridgeRemoval,
  planGateways,
  planInside,
  planPort,
  planUplink,
  UPLINK,
  uplinkSettings,
} from './plumbing.ts'
import type { Endpoint, EndpointContainer, EndpointRequest, Reservation } from './protocol.ts'
import { updateResolvConf } from './resolv-conf.ts'
import { type ContainerState, membersOf, type NetworkState, type PlacedEndpoint, type ServiceState } from './state.ts'
import { adoptUplink, startUplink, UPLINK_SOCKET, type UplinkProcess } from './uplink.ts'
import { ETHER_TYPE_IP6, UplinkNeighbours } from './uplink-neighbours.ts'

/** In a container's network namespace, interfaces of ours begin here. */
const FIRST_INSIDE_INDEX = 100
/** How often the end of a process is looked for where the kernel has no pidfd_open(2). */
const LOOK_MS = 1000
/** How long the way out may take until it works. */
const UPLINK_DEADLINE_MS = 10_000
const UPLINK_PAUSE_MS = 250

export interface ServiceParts {
  poller: Poller
  deadlines: Deadlines
  hands: () => Hands
  netlink: NetlinkSocket
  memory: StateMemory<ServiceState>
  state: ServiceState
  namespace: Fd
  /** the reading end of the uplink's lifeline; whoever starts the uplink hands it on */
  exit: Fd
  /** the runtime folder, where the uplink's program has its API socket */
  folder: string
  names: NameServer
  log: (text: string) => void
}

type UplinkWaiter = (error: TspodError | undefined) => void

export class NetworkService {
  readonly #parts: ServiceParts
  readonly #state: ServiceState
  readonly #watched = new Map<string, Fd | undefined>()
  #uplink: UplinkProcess | undefined
  #uplinkIndex: number | undefined
  #neighbours: UplinkNeighbours | undefined
  #waiters: UplinkWaiter[] = []

  constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#state = parts.state
  }

  get isIdle(): boolean {
    return this.#state.containers.length === 0
  }

  get state(): Readonly<ServiceState> {
    return this.#state
  }

  get uplinkPid(): number | undefined {
    return this.#uplink?.identity.pid
  }

  /** Goes on where a service before this one was killed: who has ended is taken away, what is missing is made. */
  resume(): void {
    const { uplink } = this.#state
    if (uplink !== undefined) {
      this.#uplink = adoptUplink(uplink)
      if (this.#uplink !== undefined) this.#watchUplink(this.#uplink)
      if (this.#uplink !== undefined && this.#findUplink() !== undefined) this.#uplinkWorks()
      else if (this.#uplink !== undefined) this.#uplinkEnded(this.#uplink)
    }
    for (const container of this.#state.containers.slice()) {
      if (container.process === undefined || !isAlive(container.process)) this.#remove(container)
      else this.#watchContainer(container, container.process)
    }
    for (const network of this.#state.networks) {
      if (network.bridgeIndex === undefined) continue
      this.#parts.netlink.request(planGateways(network.definition, network.bridgeIndex))
      this.#parts.names.open(network.definition)
    }
    if (this.#needsUplink() && this.#uplink === undefined) this.#startUplink()
    this.#save()
  }

  /** Addresses for a container that is about to start. */
  reserve(container: EndpointContainer, requests: readonly EndpointRequest[]): Reservation {
    const known = this.#state.containers.find(({ id }) => id === container.id)
    if (known !== undefined) this.#remove(known) // of an earlier run, whose end is about to be seen
    const fresh: ContainerState = { ...container, endpoints: [] }
    for (const request of requests) fresh.endpoints.push(this.#place(fresh, request))
    this.#state.containers.push(fresh)
    this.#save()
    return this.#reservationOf(fresh)
  }

  /** Gives back what was reserved for a container that did not start. */
  release(id: string): void {
    const container = this.#state.containers.find(each => each.id === id)
    if (container === undefined || container.process !== undefined) return
    this.#remove(container)
    this.#save()
  }

  /** Connects a container that has reserved; `done` is called when everything works, or with what went wrong. */
  attach(id: string, process: ProcessIdentity, uplinkPath: string | undefined, done: UplinkWaiter): void {
    const container = this.#require(id)
    if (uplinkPath !== undefined) this.#state.uplinkPath = uplinkPath
    try {
      container.process = process
      this.#connect(container, process, container.endpoints)
    } catch (error) {
      this.#remove(container)
      this.#save()
      throw error
    }
    this.#watchContainer(container, process)
    this.#save()
    this.#whenUplinkWorks(container, done)
  }

  /** A running container, on one network more. */
  connect(
    wanted: EndpointContainer,
    process: ProcessIdentity,
    request: EndpointRequest,
    { uplinkPath, resolvConf }: { uplinkPath?: string; resolvConf: string },
    done: (error: TspodError | undefined, endpoint?: Endpoint) => void,
  ): void {
    let container = this.#state.containers.find(({ id }) => id === wanted.id)
    if (container === undefined) {
      container = { ...wanted, process, endpoints: [] }
      this.#state.containers.push(container)
      this.#watchContainer(container, process)
    }
    if (uplinkPath !== undefined) this.#state.uplinkPath = uplinkPath
    const before = this.#nameServersOf(container)
    try {
      const place = this.#place(container, request)
      container.endpoints.push(place)
      try {
        this.#connect(container, process, [place])
      } catch (error) {
        this.#drop(container, place)
        throw error
      }
      updateResolvConf(resolvConf, before, this.#nameServersOf(container))
      this.#save()
      this.#whenUplinkWorks(container, error => done(error, place.endpoint))
    } catch (error) {
      if (container.endpoints.length === 0) this.#remove(container)
      this.#save()
      throw error
    }
  }

  /** Takes a container off a network. A container that is not on it is an error. */
  disconnect(id: string, networkId: string, resolvConf: string): void {
    const container = this.#require(id)
    const place = container.endpoints.find(({ endpoint }) => endpoint.networkId === networkId)
    if (place === undefined)
      throw new TspodError('NOT_FOUND', `container ${id.slice(0, 12)} is not connected to this network`)
    const before = this.#nameServersOf(container)
    this.#drop(container, place)
    updateResolvConf(resolvConf, before, this.#nameServersOf(container))
    if (container.endpoints.length === 0) this.#remove(container)
    this.#save()
  }

  /** A port of the host leads to a running container from now on. */
  publish(idPrefix: string, port: PortMapping): void {
    const container = this.#requireByPrefix(idPrefix)
    if (this.#uplinkIndex === undefined)
      throw new TspodError('CONFLICT', `publishing ${portText(port)}: the way out of the networks does not work`)
    addPort(this.#apiSocket(), guestAddress(container), port)
    container.ports = [...(container.ports ?? []), port]
    this.#save()
  }

  unpublish(idPrefix: string, port: PortMapping): void {
    const container = this.#requireByPrefix(idPrefix)
    removePort(this.#apiSocket(), port)
    container.ports = container.ports?.filter(each => portText(each) !== portText(port))
    this.#save()
  }

  rename(id: string, name: string): void {
    const container = this.#state.containers.find(each => each.id === id)
    if (container === undefined) return
    container.name = name
    this.#save()
  }

  /** Takes over a network's changed definition: its name servers. */
  update(definition: NetworkDefinition): void {
    const network = this.#state.networks.find(each => each.definition.id === definition.id)
    if (network === undefined) return
    network.definition = definition
    this.#parts.names.forget()
    this.#save()
  }

  /** Chooses addresses, interface and card for a place. Nothing is made yet. */
  #place(container: ContainerState, request: EndpointRequest): PlacedEndpoint {
    const { network: definition } = request
    if (container.endpoints.some(({ endpoint }) => endpoint.networkId === definition.id))
      throw new TspodError(
        'CONFLICT',
        `container ${container.name} is already connected to network "${definition.name}": network is already connected`,
      )
    const network = this.#networkOf(definition)
    const members = [...membersOf(this.#state, definition.id)]
    const taken = new Set(members.flatMap(({ place }) => place.endpoint.addresses.map(({ ip }) => ip)))
    const addresses = leaseAddresses(definition, request, taken, new Map(Object.entries(network.cursor)))
    const [first] = addresses
    const card = request.mac === undefined ? cardAddress(first?.ip ?? '') : parseCard(request.mac)
    if (card === undefined) throw new TspodError('INVALID', `"${request.mac}" is no address of a card`)
    const mac = formatCard(card)
    const owner = members.find(({ place }) => place.endpoint.mac === mac)
    if (owner !== undefined)
      throw new TspodError(
        'CONFLICT',
        `mac address ${mac} is already in use on network "${definition.name}" by container ${owner.container.name}`,
      )
    definition.subnets.forEach(({ subnet }, index) => {
      const ip = addresses[index]?.ip
      if (ip !== undefined) network.cursor[subnet] = ip
    })
    const order = freeNumber(container.endpoints.map(each => each.order))
    return {
      endpoint: {
        network: definition.name,
        networkId: definition.id,
        interface: request.interfaceName ?? freeInterface(container),
        mac,
        addresses,
        aliases: request.aliases,
      },
      port: `v${container.id.slice(0, 10)}${order}`,
      portIndex: this.#state.nextIndex++,
      insideIndex: FIRST_INSIDE_INDEX + order,
      order,
    }
  }

  #networkOf(definition: NetworkDefinition): NetworkState {
    const known = this.#state.networks.find(each => each.definition.id === definition.id)
    if (known !== undefined) return known
    const clash = this.#state.networks.find(each => each.definition.network_interface === definition.network_interface)
    if (clash !== undefined)
      throw new TspodError(
        'CONFLICT',
        `network "${definition.name}" has the interface name of network "${clash.definition.name}", ${definition.network_interface}`,
      )
    const network: NetworkState = { definition, cursor: {} }
    this.#state.networks.push(network)
    return network
  }

  /** Makes the interfaces of places, in the bridges and in the container. */
  #connect(container: ContainerState, process: ProcessIdentity, places: readonly PlacedEndpoint[]): void {
    const path = `/proc/${process.pid}/ns/net`
    using namespace = openNamespace(container, process, path)
    const { netlink } = this.#parts
    const networks = places.map(({ endpoint }) => this.#bridgeOf(endpoint.networkId))
    if (this.#needsUplink() && this.#uplink === undefined) this.#startUplink()
    places.forEach((place, index) => {
      const network = networks[index]
      if (network === undefined) return
      const port = {
        name: place.port,
        index: place.portIndex,
        bridge: network.bridgeIndex,
        mtu: mtuOf(network.definition),
        insideIndex: place.insideIndex,
      }
      netlink.request(planPort(port, place.endpoint, namespace.number))
    })
    this.#announce(places)
    using inside = this.#parts.hands().openNetlink(path)
    places.forEach((place, index) => {
      const network = networks[index]
      if (network !== undefined)
        inside.request(planInside(network.definition, place.endpoint, place.insideIndex, place.order))
    })
  }

  /** A network's bridge, made at the first use. */
  #bridgeOf(networkId: string): { definition: NetworkDefinition; bridgeIndex: number } {
    const network = this.#state.networks.find(({ definition }) => definition.id === networkId)
    if (network === undefined) throw new RangeError('a place on a network that nobody knows')
    const { definition } = network
    if (network.bridgeIndex !== undefined) return { definition, bridgeIndex: network.bridgeIndex }
    const bridgeIndex = this.#state.nextIndex++
    const { netlink } = this.#parts
    try {
      netlink.request(planBridge(definition, bridgeIndex))
      this.#parts.hands().write(bridgeSettings(definition))
      netlink.request(planGateways(definition, bridgeIndex))
    } catch (error) {
      netlink.request(planBridgeRemoval(definition))
      throw error
    }
    network.bridgeIndex = bridgeIndex
    this.#parts.names.open(definition)
    return { definition, bridgeIndex }
  }

  /** Takes away all that a container has. */
  #remove(container: ContainerState): void {
    for (const place of container.endpoints.slice()) this.#drop(container, place)
    this.#retractPorts(container)
    const pidFd = this.#watched.get(container.id)
    if (pidFd !== undefined) {
      this.#parts.poller.unwatch(pidFd.number)
      pidFd.close()
    }
    this.#parts.deadlines.clear(`container ${container.id}`)
    this.#watched.delete(container.id)
    const index = this.#state.containers.indexOf(container)
    if (index >= 0) this.#state.containers.splice(index, 1)
  }

  #retractPorts(container: ContainerState): void {
    for (const port of container.ports ?? [])
      try {
        removePort(this.#apiSocket(), port)
      } catch (error) {
        this.#parts.log(`retracting ${portText(port)}: ${String(error)}`) // with the uplink gone, so is the port
      }
    delete container.ports
  }

  #apiSocket(): ApiSocket {
    return { folder: this.#parts.folder, name: UPLINK_SOCKET }
  }

  #drop(container: ContainerState, place: PlacedEndpoint): void {
    container.endpoints = container.endpoints.filter(each => each !== place)
    const network = this.#state.networks.find(({ definition }) => definition.id === place.endpoint.networkId)
    const { netlink } = this.#parts
    netlink.request([removeLink(place.port)])
    if (network?.bridgeIndex !== undefined) {
      const { bridgeIndex } = network
      const addresses = place.endpoint.addresses.flatMap(({ ip }) => parseIp(ip) ?? [])
      netlink.request(addresses.map(address => removeNeighbour(bridgeIndex, address)))
    }
    if (network !== undefined && membersOf(this.#state, network.definition.id).next().done === true)
      this.#removeNetwork(network)
  }

  #removeNetwork(network: NetworkState): void {
    if (network.bridgeIndex !== undefined) {
      this.#parts.names.close(network.definition)
      this.#parts.netlink.request(planBridgeRemoval(network.definition))
    }
    this.#state.networks.splice(this.#state.networks.indexOf(network), 1)
  }

  #watchContainer(container: ContainerState, process: ProcessIdentity): void {
    const { poller, deadlines } = this.#parts
    const end = (): void => {
      this.#remove(container)
      this.#save()
    }
    const pidFd = openPidFd(process.pid)
    this.#watched.set(container.id, pidFd)
    if (pidFd !== undefined) {
      poller.watch(pidFd.number, READABLE, end)
      return
    }
    const look = (): void => {
      if (isAlive(process)) deadlines.set(`container ${container.id}`, LOOK_MS, look)
      else end()
    }
    look()
  }

  #needsUplink(): boolean {
    return this.#state.networks.some(({ definition, bridgeIndex }) => bridgeIndex !== undefined && !definition.internal)
  }

  #whenUplinkWorks(container: ContainerState, done: UplinkWaiter): void {
    const leavesHere = container.endpoints.some(({ endpoint }) =>
      endpoint.addresses.some(each => each.gateway !== undefined),
    )
    if (!leavesHere || this.#uplinkIndex !== undefined) return done(undefined)
    this.#waiters.push(done)
  }

  #startUplink(): void {
    const { uplinkPath } = this.#state
    if (uplinkPath === undefined)
      throw new TspodError('NOT_FOUND', 'connecting the container to its network: slirp4netns is not installed', {
        hint: 'install the package slirp4netns (an administrator), or make the network with --internal',
      })
    const { namespace, exit, folder, poller, deadlines } = this.#parts
    const uplink = startUplink(uplinkPath, namespace, exit, folder)
    this.#uplink = uplink
    this.#state.uplink = uplink.identity
    this.#watchUplink(uplink)
    const { ready } = uplink
    if (ready === undefined) return
    poller.watch(ready.number, READABLE, () => {
      const hasSaid = readsByte(ready)
      this.#forgetReady(uplink)
      if (hasSaid) this.#uplinkWorks()
    })
    deadlines.set('uplink', UPLINK_DEADLINE_MS, () => this.#uplinkEnded(uplink))
  }

  #forgetReady(uplink: UplinkProcess): void {
    if (uplink.ready?.isOpen !== true) return
    this.#parts.poller.unwatch(uplink.ready.number)
    uplink.ready.close()
    this.#parts.deadlines.clear('uplink')
  }

  #watchUplink(uplink: UplinkProcess): void {
    const { pidFd, identity } = uplink
    const { poller, deadlines } = this.#parts
    if (pidFd !== undefined) {
      poller.watch(pidFd.number, READABLE, () => this.#uplinkEnded(uplink))
      return
    }
    const look = (): void => {
      if (isAlive(identity)) deadlines.set('uplink lives', LOOK_MS, look)
      else this.#uplinkEnded(uplink)
    }
    look()
  }

  #findUplink(): Link | undefined {
    const links = this.#parts.netlink.dump(dumpLinks()).map(parseLink)
    return links.find(({ name }) => name === UPLINK)
  }

  #announce(places: readonly PlacedEndpoint[]): void {
    const addresses = places.flatMap(({ endpoint }) => endpoint.addresses)
    for (const { ip } of addresses.filter(each => each.gateway?.includes(':')))
      this.#neighbours?.announce(parseIp(ip) ?? Buffer.alloc(16))
  }

  /** Without it, containers have no way out by IPv6, and all else. */
  #listenForNeighbours({ index, address: card }: Link): UplinkNeighbours | undefined {
    const { poller, hands, log } = this.#parts
    try {
      const socket = hands().openSocket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, packetProtocol(ETHER_TYPE_IP6))
      return new UplinkNeighbours(poller, socket, { index, card }, address => this.#leavesFrom(formatIp(address)))
    } catch (error) {
      log(`listening for neighbours at the uplink: ${String(error)}`)
      return undefined
    }
  }

  /** True for an address of a container on a network with a way out. */
  #leavesFrom(ip: string): boolean {
    return this.#state.containers.some(({ endpoints }) =>
      endpoints.some(({ endpoint }) => endpoint.addresses.some(each => each.ip === ip && each.gateway !== undefined)),
    )
  }

  #uplinkWorks(): void {
    const link = this.#findUplink()
    if (link === undefined) return
    const { index } = link
    const { netlink, hands } = this.#parts
    hands().write(uplinkSettings)
    netlink.request(planUplink(index))
    this.#uplinkIndex = index
    this.#neighbours = this.#listenForNeighbours(link)
    for (const { endpoints } of this.#state.containers) this.#announce(endpoints)
    for (const container of this.#state.containers)
      for (const port of container.ports ?? []) this.#publishAgain(container, port)
    this.#settle(undefined)
  }

  /** After another uplink has started. */
  #publishAgain(container: ContainerState, port: PortMapping): void {
    try {
      addPort(this.#apiSocket(), guestAddress(container), port)
    } catch (error) {
      this.#parts.log(`publishing ${portText(port)} again: ${String(error)}`)
    }
  }

  /** It has ended, or never worked: where somebody needs it, another one is started, ever more rarely where that does not help. */
  #uplinkEnded(uplink: UplinkProcess): void {
    if (uplink !== this.#uplink) return
    const { poller, deadlines, log } = this.#parts
    const wasWorking = this.#uplinkIndex !== undefined
    this.#forgetReady(uplink)
    if (uplink.pidFd !== undefined) poller.unwatch(uplink.pidFd.number)
    uplink.pidFd?.close()
    waitProcess(uplink.identity.pid, true)
    this.#uplink = undefined
    this.#uplinkIndex = undefined
    this.#neighbours?.[Symbol.dispose]()
    this.#neighbours = undefined
    delete this.#state.uplink
    this.#save()
    log(`slirp4netns (process ${uplink.identity.pid}) has ended`)
    if (!wasWorking)
      this.#settle(
        new TspodError('INTERNAL', 'connecting the container to its network: slirp4netns did not work', {
          hint: '`tspod doctor` checks slirp4netns and /dev/net/tun; a network with --internal does without',
        }),
      )
    const again = (): void => {
      if (this.#uplink !== undefined || !this.#needsUplink()) return
      try {
        this.#startUplink()
        this.#save()
      } catch (error) {
        log(String(error))
      }
    }
    if (wasWorking) again()
    else deadlines.set('uplink again', UPLINK_PAUSE_MS, again)
  }

  #settle(error: TspodError | undefined): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter(error)
  }

  #reservationOf(container: ContainerState): Reservation {
    return {
      endpoints: container.endpoints.map(({ endpoint }) => endpoint),
      nameServers: this.#nameServersOf(container),
    }
  }

  /** Those of its networks, as far as they have names. */
  #nameServersOf({ endpoints }: ContainerState): string[] {
    return endpoints.flatMap(({ endpoint }) => {
      const network = this.#state.networks.find(({ definition }) => definition.id === endpoint.networkId)
      if (network?.definition.dns_enabled !== true) return []
      return network.definition.subnets.flatMap(({ gateway }) => gateway ?? [])
    })
  }

  #require(id: string): ContainerState {
    const container = this.#state.containers.find(each => each.id === id)
    if (container === undefined)
      throw new TspodError('NOT_FOUND', `container ${id.slice(0, 12)} is on no user-defined network`)
    return container
  }

  #requireByPrefix(prefix: string): ContainerState {
    const container = this.#state.containers.find(({ id }) => id.startsWith(prefix))
    if (container === undefined) throw new TspodError('NOT_FOUND', `container ${prefix} is on no user-defined network`)
    return container
  }

  #save(): void {
    this.#parts.memory.write(this.#state)
  }
}

/** The container's network namespace, made sure of to be that of this very process. */
function openNamespace(container: ContainerState, process: ProcessIdentity, path: string): Fd {
  const fd = openFile(path, O_RDONLY)
  if (isAlive(process)) return fd
  fd.close()
  throw new TspodError('CONFLICT', `connecting container ${container.name}: its process has ended`)
}

/** Where ports lead to. */
function guestAddress({ name, endpoints }: ContainerState): string {
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

/** slirp4netns(1) writes a byte when it works; one that has ended closes its end. */
function readsByte(fd: Fd): boolean {
  return trySyscall('read', fd.number, new Uint8Array(1), 1) > 0
}

function freeNumber(taken: readonly number[]): number {
  let number = 0
  while (taken.includes(number)) number++
  return number
}

function freeInterface({ endpoints }: ContainerState): string {
  const taken = endpoints.map(({ endpoint }) => endpoint.interface)
  let number = 0
  while (taken.includes(`eth${number}`)) number++
  return `eth${number}`
}
