// The network service's role, `tspod networks:<runtime folder>`: started by the first container that needs a user-defined network, or by
// the watcher when the service before it was killed; ends with the last container. In the user's namespace, in the host's network.
import { appendFileSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { releaseMemory, sleepSync } from '#host/bun.ts'
import { selfCommand } from '#host/executable.ts'
import { raiseLimit } from '#host/limits.ts'
import { ownAddress } from '#network/own-address.ts'
import { Deadlines } from '#sys/deadlines.ts'
import { Fd, openFile, openPipe } from '#sys/fd.ts'
import { O_RDONLY } from '#sys/flags.ts'
import { tryLock } from '#sys/lock.ts'
import { Poller } from '#sys/poll.ts'
import { waitProcess } from '#sys/process.ts'
import { Connections, errorAnswer, type Session } from './connections.ts'
import { NameServer } from './dns/server.ts'
import { Hands } from './hands.ts'
import { watchHostAddress } from './host-address.ts'
import { openMemory, StateMemory } from './memory.ts'
import { namespaceSettings } from './plumbing.ts'
import {
  SERVICE_LOCK,
  SERVICE_LOG,
  SERVICE_SOCKET,
  type ServiceAnswer,
  type ServiceRequest,
  type ServiceStatus,
} from './protocol.ts'
import { NetworkService } from './service.ts'
import { ServiceSocket } from './service-socket.ts'
import { emptyState, type ServiceState } from './state.ts'
import { UPLINK_SOCKET } from './uplink.ts'
import { type Inheritance, serviceDescriptors, Watcher } from './watcher.ts'
import { Watchers } from './watchers.ts'

/** How long it stays without any container: another may follow at once. */
const LINGER_MS = 300

/** After so long without anything to do, what was used meanwhile is given back. */
const QUIET_MS = 2000

/** A service that cannot work must not be started again and again without a breath. */
const RESTART_PAUSE_MS = 500

/** The whole life of the service. `isHeir`: a service before this one has left its descriptors. */
export function networkMain(folder: string, isHeir: boolean): void {
  const log = (text: string): void =>
    appendFileSync(join(folder, SERVICE_LOG), `${new Date().toISOString()} ${text}\n`, { mode: 0o600 })
  try {
    process.chdir('/')
    raiseLimit('RLIMIT_NOFILE')
    new ServiceProcess(folder, isHeir, log).run()
  } catch (error) {
    try {
      log(error instanceof Error ? (error.stack ?? error.message) : String(error))
    } catch {
      // the runtime folder is gone: nobody to tell
    }
    sleepSync(RESTART_PAUSE_MS)
    process.exit(1) // the watcher starts another one
  }
  process.exit(0)
}

class ServiceProcess {
  readonly #folder: string
  readonly #log: (text: string) => void
  readonly #poller = new Poller()
  readonly #deadlines = new Deadlines()
  readonly #listener = new Fd(serviceDescriptors.listener)
  readonly #inheritance: Inheritance
  readonly #exit: Fd
  readonly #service: NetworkService
  readonly #connections: Connections
  #hands: Hands
  readonly #watchers: Watchers
  #socket: ServiceSocket | undefined
  #hasEnded = false

  constructor(folder: string, isHeir: boolean, log: (text: string) => void) {
    this.#folder = folder
    this.#log = log
    const memory = isHeir ? new Fd(serviceDescriptors.memory) : openMemory()
    const kept = isHeir ? new Fd(serviceDescriptors.namespace) : undefined
    const { hands, namespace } = Hands.enter(kept)
    this.#hands = hands
    const [exit, lifeline] = isHeir ? [undefined, new Fd(serviceDescriptors.lifeline)] : openPipe()
    const executable = openFile(selfCommand('').path, O_RDONLY)
    this.#inheritance = { listener: this.#listener, memory, executable, namespace, lifeline }
    this.#exit = exit ?? openFile(`/proc/self/fd/${lifeline.number}`, O_RDONLY)
    const stored = new StateMemory<ServiceState>(memory.number)
    const state = stored.read() ?? emptyState()
    this.#watchers = new Watchers(
      this.#poller,
      state,
      () => stored.write(state),
      log,
      options => new Watcher(this.#inheritance, folder, environment(), options),
    )
    const netlink = hands.openNetlink()
    const names = new NameServer(this.#poller, this.#deadlines, state, (family, type) =>
      this.#handsNow().openSocket(family, type, 0),
    )
    this.#service = new NetworkService({
      poller: this.#poller,
      deadlines: this.#deadlines,
      hands: () => this.#handsNow(),
      netlink,
      memory: stored,
      state,
      namespace,
      exit: this.#exit,
      folder,
      names,
      log,
    })
    this.#connections = new Connections(
      this.#poller,
      (request, answer, session) => this.#serve(request, answer, session),
      session => this.#ended(session),
    )
    if (kept === undefined) hands.write(namespaceSettings)
    this.#service.resume()
    this.#service.moveHost(ownAddress())
    watchHostAddress(this.#poller, this.#deadlines, address => this.#service.moveHost(address))
  }

  run(): void {
    this.#socket = new ServiceSocket(this.#poller, this.#deadlines, this.#folder, this.#listener, {
      onConnection: listener => this.#connections.accept(listener),
      // they hold a listening socket that nobody can find any more
      onReopened: () => this.#watchers.replace(),
    })
    this.#idleSoon()
    while (!this.#hasEnded) {
      if (this.#poller.wait(this.#deadlines.nextMs())) this.#deadlines.set('quiet', QUIET_MS, releaseMemory)
      this.#deadlines.run()
      this.#idleSoon()
    }
  }

  /** The hands, others where somebody has killed them. */
  #handsNow(): Hands {
    if (this.#hands.isAlive) return this.#hands
    this.#log(`the process in the network namespace (${this.#hands.pid}) has ended`)
    waitProcess(this.#hands.pid, true)
    this.#hands[Symbol.dispose]()
    this.#hands = Hands.enter(this.#inheritance.namespace).hands
    return this.#hands
  }

  #serve(request: ServiceRequest, answer: (value: ServiceAnswer) => void, session: Session): void {
    const service = this.#service
    switch (request.op) {
      case 'reserve': {
        const reservation = service.reserve(request.container, request.endpoints)
        session.reserved = request.container.id
        return answer({ ok: reservation })
      }
      case 'attach': {
        const id = session.reserved ?? ''
        const { pid, startTime, uplinkPath } = request
        return service.attach(id, { pid, startTime }, uplinkPath, error => {
          if (error === undefined) delete session.reserved
          answer(error === undefined ? { ok: true } : errorAnswer(error))
        })
      }
      case 'adopt': {
        const { container, pid, startTime } = request
        service.adopt(container, { pid, startTime })
        return answer({ ok: true })
      }
      case 'restore': {
        const { container, pid, startTime } = request
        return service.restore(container, { pid, startTime }, request, error =>
          answer(error === undefined ? { ok: true } : errorAnswer(error)),
        )
      }
      case 'connect': {
        const { container, pid, startTime, endpoint } = request
        return service.connect(container, { pid, startTime }, endpoint, request, (error, made) =>
          answer(error === undefined ? { ok: made } : errorAnswer(error)),
        )
      }
      case 'disconnect':
        service.disconnect(request.id, request.networkId, request.files)
        return answer({ ok: true })
      case 'publish':
        service.publish(request.id, request.port)
        return answer({ ok: true })
      case 'unpublish':
        service.unpublish(request.id, request.port)
        return answer({ ok: true })
      case 'rename':
        service.rename(request.id, request.name)
        return answer({ ok: true })
      case 'update':
        service.update(request.network)
        return answer({ ok: true })
      case 'status':
        return answer({ ok: this.#status() })
    }
  }

  #status(): ServiceStatus {
    const { state, uplinkPid } = this.#service
    return {
      pid: process.pid,
      watchers: this.#watchers.pids,
      hands: this.#hands.pid,
      ...(uplinkPid !== undefined && { uplink: uplinkPid }),
      containers: state.containers.map(({ id, name, process: first, endpoints }) => ({
        id,
        name,
        pid: first?.pid ?? 0,
        endpoints: endpoints.map(({ endpoint }) => endpoint),
      })),
    }
  }

  #ended({ reserved }: Session): void {
    if (reserved !== undefined) this.#service.release(reserved)
  }

  #idleSoon(): void {
    if (!this.#service.isIdle || this.#connections.size > 0) this.#deadlines.clear('idle')
    else if (!this.#deadlines.has('idle')) this.#deadlines.set('idle', LINGER_MS, () => this.#end())
  }

  /** Ends, unless somebody is about to come: whoever starts a service holds the lock. */
  #end(): void {
    // where the folder has vanished nobody can be about to come
    const isReachable = existsSync(this.#folder)
    using lock = isReachable ? tryLock(join(this.#folder, SERVICE_LOCK)) : undefined
    if (isReachable && lock === undefined) return
    this.#connections.accept(this.#listener.number)
    if (this.#connections.size > 0) return
    for (const name of [SERVICE_SOCKET, UPLINK_SOCKET, SERVICE_LOG]) rmSync(join(this.#folder, name), { force: true })
    this.#socket?.close()
    this.#watchers[Symbol.dispose]()
    this.#hands[Symbol.dispose]()
    this.#hasEnded = true
  }
}

function environment(): string[] {
  return Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}
