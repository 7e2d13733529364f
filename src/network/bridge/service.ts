// The network service: the one process of a user that changes the user's network namespace. It hands out addresses, has bridges and
// pairs of interfaces made, sees to the way out, and takes away what a container that has ended leaves. In the user's namespace and the
// host's network; its hands are in the other one. A plain loop over Poller, everything synchronous. Its parts: `places.ts` chooses,
// `bridges.ts` makes interfaces, `way-out.ts` has slirp4netns run, `published-ports.ts` leads ports of the host to containers.
import { TspodError } from '#errors.ts'
import type { NetworkDefinition } from '#network/definition.ts'
import type { PortMapping } from '#network/ports/mapping.ts'
import { isAlive, type ProcessIdentity } from '#sys/process.ts'
import { Bridges } from './bridges.ts'
import { enterHostNames, exchangeAddress, exchangeOwnLines, updateHosts } from './hosts-file.ts'
import type { ServiceParts } from './parts.ts'
import { choosePlace } from './places.ts'
import { ProcessWatch } from './process-watch.ts'
import type { ContainerFiles, Endpoint, EndpointContainer, EndpointRequest, Reservation } from './protocol.ts'
import { PublishedPorts } from './published-ports.ts'
import { updateResolvConf } from './resolv-conf.ts'
import type { ContainerState, PlacedEndpoint, ServiceState } from './state.ts'
import { type UplinkWaiter, WayOut } from './way-out.ts'

export class NetworkService {
  readonly #parts: ServiceParts
  readonly #state: ServiceState
  readonly #bridges: Bridges
  readonly #wayOut: WayOut
  readonly #ports: PublishedPorts
  readonly #watches = new Map<string, ProcessWatch>()

  constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#state = parts.state
    this.#bridges = new Bridges(parts)
    this.#wayOut = new WayOut(parts, {
      isNeeded: () => this.#bridges.needUplink,
      onWorks: () => {
        for (const container of this.#state.containers) this.#ports.republish(container)
      },
      save: () => this.#save(),
    })
    this.#ports = new PublishedPorts(parts, this.#wayOut)
  }

  get isIdle(): boolean {
    return this.#state.containers.length === 0
  }

  get state(): Readonly<ServiceState> {
    return this.#state
  }

  get uplinkPid(): number | undefined {
    return this.#wayOut.pid
  }

  /** Goes on where a service before this one was killed: who has ended is taken away, what is missing is made. */
  resume(): void {
    this.#wayOut.adopt()
    for (const container of this.#state.containers.slice()) {
      if (container.process === undefined || !isAlive(container.process)) this.#remove(container)
      else {
        this.#watch(container, container.process)
        this.#ports.resume(container)
      }
    }
    this.#bridges.resume()
    if (this.#bridges.needUplink) this.#wayOut.ensure()
    this.#save()
  }

  /** Addresses for a container that is about to start. */
  reserve(container: EndpointContainer, requests: readonly EndpointRequest[]): Reservation {
    const known = this.#state.containers.find(({ id }) => id === container.id)
    if (known !== undefined) this.#remove(known) // of an earlier run, whose end is about to be seen
    const fresh: ContainerState = { ...container, endpoints: [] }
    for (const request of requests) fresh.endpoints.push(choosePlace(this.#state, fresh, request))
    this.#state.containers.push(fresh)
    this.#save()
    return {
      endpoints: fresh.endpoints.map(({ endpoint }) => endpoint),
      nameServers: this.#nameServersOf(fresh),
    }
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
      this.#plug(container, process, container.endpoints)
    } catch (error) {
      this.#remove(container)
      this.#save()
      throw error
    }
    this.#watch(container, process)
    this.#save()
    this.#wayOut.whenWorking(container, done)
  }

  /** Looks after the ports of a running container that has a helper of its own. */
  adopt(wanted: EndpointContainer, process: ProcessIdentity): void {
    if (!isAlive(process)) throw new TspodError('CONFLICT', `container ${wanted.name}: its process has ended`)
    this.#known(wanted, process)
    this.#save()
  }

  /** A running container whose service was lost, and its namespace with it. One that is known is left as it is. */
  restore(
    wanted: EndpointContainer,
    process: ProcessIdentity,
    { endpoints, ports, uplinkPath }: { endpoints: EndpointRequest[]; ports: PortMapping[]; uplinkPath?: string },
    done: UplinkWaiter,
  ): void {
    if (this.#state.containers.some(each => each.id === wanted.id && each.process?.pid === process.pid))
      return done(undefined)
    this.reserve(wanted, endpoints)
    this.attach(wanted.id, process, uplinkPath, error => {
      const container = this.#state.containers.find(({ id }) => id === wanted.id)
      if (error !== undefined || container === undefined) return done(error)
      for (const port of ports) this.#ports.publishAgain(container, port)
      this.#save()
      done(undefined)
    })
  }

  /** A running container, on one network more. */
  connect(
    wanted: EndpointContainer,
    process: ProcessIdentity,
    request: EndpointRequest,
    { uplinkPath, files }: { uplinkPath?: string; files: ContainerFiles },
    done: (error: TspodError | undefined, endpoint?: Endpoint) => void,
  ): void {
    const container = this.#known(wanted, process)
    if (uplinkPath !== undefined) this.#state.uplinkPath = uplinkPath
    const before = this.#facts(container)
    try {
      const place = choosePlace(this.#state, container, request)
      container.endpoints.push(place)
      try {
        this.#plug(container, process, [place])
      } catch (error) {
        this.#drop(container, place)
        throw error
      }
      this.#updateFiles(container, files, before)
      this.#save()
      this.#wayOut.whenWorking(container, error => done(error, place.endpoint))
    } catch (error) {
      if (container.endpoints.length === 0) this.#remove(container)
      this.#save()
      throw error
    }
  }

  /** Takes a container off a network. A container that is not on it is an error. */
  disconnect(id: string, networkId: string, files: ContainerFiles): void {
    const container = this.#require(id)
    const place = container.endpoints.find(({ endpoint }) => endpoint.networkId === networkId)
    if (place === undefined)
      throw new TspodError('NOT_FOUND', `container ${id.slice(0, 12)} is not connected to this network`)
    const before = this.#facts(container)
    this.#drop(container, place)
    this.#updateFiles(container, files, before)
    if (container.endpoints.length === 0) this.#remove(container)
    this.#save()
  }

  /** A port of the host leads to a running container from now on. */
  publish(idPrefix: string, port: PortMapping): void {
    this.#ports.publish(this.#require(idPrefix), port)
    this.#save()
  }

  unpublish(idPrefix: string, port: PortMapping): void {
    const container = this.#require(idPrefix)
    this.#ports.unpublish(container, port)
    if (container.endpoints.length === 0 && container.ports?.length === 0) this.#remove(container)
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

  /** The machine's own address is another one, or known for the first time; without any, the last one stays. */
  moveHost(address: string | undefined): void {
    const before = this.#state.hostAddress
    if (address === undefined || address === before) return
    this.#state.hostAddress = address
    for (const { name, hosts } of before === undefined ? [] : this.#state.containers)
      try {
        if (hosts !== undefined) updateHosts(hosts, text => exchangeAddress(text, before ?? '', address))
      } catch (error) {
        this.#parts.log(`telling container ${name} of this machine's address: ${String(error)}`)
      }
    this.#save()
  }

  /** Makes the interfaces of places, in the bridges and in the container. */
  #plug(container: ContainerState, process: ProcessIdentity, places: PlacedEndpoint[]): void {
    this.#bridges.open(places)
    if (this.#bridges.needUplink) this.#wayOut.ensure()
    this.#bridges.plug(container, process, places)
    this.#wayOut.announce({ endpoints: places })
  }

  #drop(container: ContainerState, place: PlacedEndpoint): void {
    container.endpoints = container.endpoints.filter(each => each !== place)
    this.#bridges.unplug(place)
  }

  /** Takes away all that a container has. */
  #remove(container: ContainerState): void {
    this.#ports.retract(container)
    for (const place of container.endpoints.slice()) this.#drop(container, place)
    this.#watches.get(container.id)?.[Symbol.dispose]()
    this.#watches.delete(container.id)
    const index = this.#state.containers.indexOf(container)
    if (index >= 0) this.#state.containers.splice(index, 1)
  }

  #watch(container: ContainerState, process: ProcessIdentity): void {
    const { poller, deadlines } = this.#parts
    const watch = new ProcessWatch(poller, deadlines, process, () => {
      this.#remove(container)
      this.#save()
    })
    this.#watches.set(container.id, watch)
  }

  /** What its files say. */
  #facts(container: ContainerState): { nameServers: string[]; addresses: string[] } {
    const addresses = container.endpoints.flatMap(({ endpoint }) => endpoint.addresses.map(({ ip }) => ip))
    return { nameServers: this.#nameServersOf(container), addresses }
  }

  #updateFiles(
    container: ContainerState,
    { resolvConf, hosts, host }: ContainerFiles,
    before: { nameServers: string[]; addresses: string[] },
  ): void {
    const { nameServers, addresses } = this.#facts(container)
    updateResolvConf(resolvConf, before.nameServers, nameServers)
    const names = [container.id.slice(0, 12), container.name]
    updateHosts(hosts, text => {
      const changed = exchangeOwnLines(text, before.addresses, addresses, names)
      return host === undefined ? changed : enterHostNames(changed, host)
    })
  }

  /** Those of its networks, as far as they have names. */
  #nameServersOf({ endpoints }: ContainerState): string[] {
    return endpoints.flatMap(({ endpoint }) => {
      const network = this.#state.networks.find(({ definition }) => definition.id === endpoint.networkId)
      if (network?.definition.dns_enabled !== true) return []
      return network.definition.subnets.flatMap(({ gateway }) => gateway ?? [])
    })
  }

  /** A running container, entered where it is new. */
  #known(wanted: EndpointContainer, process: ProcessIdentity): ContainerState {
    const known = this.#state.containers.find(({ id }) => id === wanted.id)
    if (known !== undefined) return known
    const container: ContainerState = { ...wanted, process, endpoints: [] }
    this.#state.containers.push(container)
    this.#watch(container, process)
    return container
  }

  /** By its id, or the beginning of it. */
  #require(id: string): ContainerState {
    const container = id === '' ? undefined : this.#state.containers.find(each => each.id.startsWith(id))
    if (container === undefined)
      throw new TspodError('NOT_FOUND', `container ${id.slice(0, 12)} is on no user-defined network`)
    return container
  }

  #save(): void {
    this.#parts.memory.write(this.#state)
  }
}
