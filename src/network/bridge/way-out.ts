// The way out of the user's networks as the service sees to it: the uplink's program is started when it is first needed, waited for,
// watched, and started again when it is gone. Runs in the network service.
import { TspodError } from '#errors.ts'
import { installCommand, readDistribution } from '#host/distribution.ts'
import { formatIp, parseIp } from '#network/ip.ts'
import { trySyscall } from '#sys/call.ts'
import type { Fd } from '#sys/fd.ts'
import { SOCK_NONBLOCK } from '#sys/flags.ts'
import { dumpLinks, type Link, parseLink } from '#sys/netlink/link.ts'
import { SOCK_RAW } from '#sys/netlink/socket.ts'
import { AF_PACKET, packetProtocol } from '#sys/packet-socket.ts'
import { READABLE } from '#sys/poll.ts'
import { waitProcess } from '#sys/process.ts'
import type { ServiceParts } from './parts.ts'
import { planUplink, UPLINK, uplinkSettings } from './plumbing.ts'
import { ProcessWatch } from './process-watch.ts'
import type { ContainerState } from './state.ts'
import { adoptUplink, startUplink, type UplinkProcess } from './uplink.ts'
import { ETHER_TYPE_IP6, UplinkNeighbours } from './uplink-neighbours.ts'

/** How long the way out may take until it works. */
const DEADLINE_MS = 10_000
/** Before one that never worked is tried again. */
const PAUSE_MS = 250

export type UplinkWaiter = (error: TspodError | undefined) => void

export interface WayOutEvents {
  /** Another one is to be started where this one has ended. */
  isNeeded(): boolean
  /** It works, for the first time or again. */
  onWorks(): void
  /** The state has changed. */
  save(): void
}

export class WayOut {
  readonly #parts: ServiceParts
  readonly #events: WayOutEvents
  #uplink: UplinkProcess | undefined
  #watch: ProcessWatch | undefined
  #isWorking = false
  #neighbours: UplinkNeighbours | undefined
  #waiters: UplinkWaiter[] = []

  constructor(parts: ServiceParts, events: WayOutEvents) {
    this.#parts = parts
    this.#events = events
  }

  get isWorking(): boolean {
    return this.#isWorking
  }

  get pid(): number | undefined {
    return this.#uplink?.identity.pid
  }

  /** Goes on with the program that a service before this one started, where it still lives. */
  adopt(): void {
    const { uplink: identity } = this.#parts.state
    const uplink = identity === undefined ? undefined : adoptUplink(identity)
    if (uplink === undefined) return
    this.#observe(uplink)
    if (this.#find() === undefined) this.#onEnd(uplink)
    else this.#onReady()
  }

  /** Starts the program unless it is there. Throws NOT_FOUND where there is none to start. */
  ensure(): void {
    if (this.#uplink !== undefined) return
    const { namespace, exit, folder, state, poller, deadlines } = this.#parts
    if (state.uplinkPath === undefined)
      throw new TspodError('NOT_FOUND', 'connecting the container to its network: slirp4netns is not installed', {
        hint: `an administrator can mend it: ${installCommand('slirp4netns', readDistribution())}; a network made with --internal does without it`,
      })
    const uplink = startUplink(state.uplinkPath, namespace, exit, folder)
    state.uplink = uplink.identity
    this.#observe(uplink)
    const { ready } = uplink
    if (ready === undefined) return
    poller.watch(ready.number, READABLE, () => {
      const hasSaid = readsByte(ready)
      this.#forgetReady(uplink)
      if (hasSaid) this.#onReady()
    })
    deadlines.set('uplink', DEADLINE_MS, () => this.#onEnd(uplink))
  }

  /** Calls `done` when a container of ours can leave: at once where it works already, or none of its networks leads out. */
  whenWorking({ endpoints }: ContainerState, done: UplinkWaiter): void {
    const leaves = endpoints.some(({ endpoint }) => endpoint.addresses.some(each => each.gateway !== undefined))
    if (!leaves || this.#isWorking) return done(undefined)
    this.#waiters.push(done)
  }

  /** Makes containers' IPv6 addresses known before the first packet to them. */
  announce({ endpoints }: Pick<ContainerState, 'endpoints'>): void {
    const addresses = endpoints.flatMap(({ endpoint }) => endpoint.addresses)
    for (const { ip } of addresses.filter(each => each.gateway?.includes(':')))
      this.#neighbours?.announce(parseIp(ip) ?? Buffer.alloc(16))
  }

  #observe(uplink: UplinkProcess): void {
    const { poller, deadlines } = this.#parts
    this.#uplink = uplink
    this.#watch = new ProcessWatch(poller, deadlines, uplink.identity, () => this.#onEnd(uplink))
  }

  #find(): Link | undefined {
    const links = this.#parts.netlink.dump(dumpLinks()).map(parseLink)
    return links.find(({ name }) => name === UPLINK)
  }

  #onReady(): void {
    const link = this.#find()
    if (link === undefined) return
    const { netlink, hands, state } = this.#parts
    hands().write(uplinkSettings)
    netlink.request(planUplink(link.index))
    this.#isWorking = true
    this.#neighbours = this.#listenForNeighbours(link)
    for (const container of state.containers) this.announce(container)
    this.#events.onWorks()
    this.#settle(undefined)
  }

  /** It has ended, or never worked: where somebody needs it, another one is started, ever more rarely where that does not help. */
  #onEnd(uplink: UplinkProcess): void {
    if (uplink !== this.#uplink) return
    const { deadlines, log, state } = this.#parts
    const wasWorking = this.#isWorking
    this.#forgetReady(uplink)
    this.#watch?.[Symbol.dispose]()
    waitProcess(uplink.identity.pid, true)
    this.#uplink = undefined
    this.#isWorking = false
    this.#neighbours?.[Symbol.dispose]()
    this.#neighbours = undefined
    delete state.uplink
    this.#events.save()
    log(`slirp4netns (process ${uplink.identity.pid}) has ended`)
    if (!wasWorking)
      this.#settle(
        new TspodError('INTERNAL', 'connecting the container to its network: slirp4netns did not work', {
          hint: '`tspod doctor` checks slirp4netns and /dev/net/tun; a network with --internal does without',
        }),
      )
    const again = (): void => {
      if (!this.#events.isNeeded()) return
      try {
        this.ensure()
        this.#events.save()
      } catch (error) {
        log(String(error))
      }
    }
    if (wasWorking) again()
    else deadlines.set('uplink again', PAUSE_MS, again)
  }

  #forgetReady({ ready }: UplinkProcess): void {
    if (ready?.isOpen !== true) return
    this.#parts.poller.unwatch(ready.number)
    ready.close()
    this.#parts.deadlines.clear('uplink')
  }

  #settle(error: TspodError | undefined): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter(error)
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
    return this.#parts.state.containers.some(({ endpoints }) =>
      endpoints.some(({ endpoint }) => endpoint.addresses.some(each => each.ip === ip && each.gateway !== undefined)),
    )
  }
}

/** slirp4netns(1) writes a byte when it works; one that has ended closes its end. */
function readsByte(fd: Fd): boolean {
  return trySyscall('read', fd.number, new Uint8Array(1), 1) > 0
}
