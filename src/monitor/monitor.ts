// The process that watches one container: its streams, its log, its clients, its end. A plain loop over descriptors, without JavaScript's
// event loop: it is small while idle, and nothing that one client does can hold it up. Runs in the host's namespaces; the container's
// process 1 is its child.
import type { HealthAction } from '#container/healthcheck.ts'
import { bootClockNs } from '#sys/clock.ts'
import { Deadlines } from '#sys/deadlines.ts'
import { duplicate, type Fd } from '#sys/fd.ts'
import { SIGKILL, SIGTERM } from '#sys/flags.ts'
import { type Poller, READABLE } from '#sys/poll.ts'
import { type ExitStatus, isAlive, killProcess } from '#sys/process.ts'
import { receiveDescriptor } from '#sys/socket.ts'
import type { WindowSize } from '#sys/terminal.ts'
import { AttachSocket } from './attach-socket.ts'
import { Client } from './client.ts'
import { Clients } from './clients.ts'
import type { HealthWatch, OpenHealthWatch } from './health.ts'
import { Input } from './input.ts'
import type { LogDriver, StreamName } from './log/driver.ts'
import { NotifyRelay } from './notify-relay.ts'
import { OomWatch } from './oom.ts'
import { Output } from './output.ts'
import {
  type AttachMessage,
  type ChildMessage,
  decodePayload,
  encodeMessage,
  type FailureMessage,
  HEADER_BYTES,
  type Helper,
  type MessageType,
  type OutputClosedMessage,
  type StartedMessage,
} from './protocol.ts'
import { runFolder } from './run-folder.ts'
import type { SoftMemoryWatch } from './soft-memory.ts'

/** After process 1 has ended: whoever still holds its pipes may write until nothing comes for this long, and this long in all. */
const QUIET_MS = 100
const DRAIN_MS = 2000
/** A process whose master vanishes before it executes the image's program ends within this. */
const ORPHAN_MS = 500
/** How long the command line that starts the container may take to say whether it wants its output. */
const SUBSCRIBE_MS = 10_000

/** What is recorded where nobody can know how the process ended. */
export const UNKNOWN_STATUS = 255
/** Podman's exit code of a container that ran for longer than its --timeout. */
const TIMED_OUT = 255
/** USER_HZ of proc_pid_stat(5), the same on every machine that we know. */
const TICK_MS = 10

/** How a container ended. */
export interface Ending {
  status: ExitStatus
  durationNs: bigint
  oomKilled: boolean
  /** The image's program was never executed. */
  neverStarted: boolean
  /** Why, where the command line said so. */
  failure: FailureMessage | undefined
  /** What comes next: what its policy says, or what the monitor wants that has ended it (asked to end itself, or for its health). */
  next: 'policy' | 'stay' | 'restart'
}

/** The container's streams: pipes, or a terminal's master, which may have to be received over a socket first. */
export interface StreamDescriptors {
  stdin?: Fd
  stdout?: Fd
  stderr?: Fd
  terminal?: Fd
  terminalSocket?: Fd
  /** Takes what the container tells its service manager. */
  notify?: Fd
}

/** Where a monitor is: in a process of its own, or in the command line that stays attached. */
export interface MonitorPlace {
  poller: Poller
  streams: StreamDescriptors
  /** Hears of the end of children, and of signals to this process. */
  watchChildren(onEnd: (pid: number, status: ExitStatus) => void, onSignal: (signal: number) => void): WatchedChildren
  /** Nobody will read this stream any more: whoever else holds its end lets go of it. */
  releaseOutput(stream: StreamName): void
  /** Absent: nobody but the kernel watches over its memory. */
  watchMemory?: ((deadlines: Deadlines, onKill: () => void) => SoftMemoryWatch) | undefined
  /** Absent: the container has no health check. */
  openHealth?: OpenHealthWatch | undefined
}

export interface WatchedChildren {
  /** Collects whoever has ended. */
  reap(): void
  /** Kills one and collects it. */
  end(pid: number): void
}

/** What the monitor sees happen while it watches. */
export interface MonitorEvents {
  onStarted(): void
  onHelperLost(helper: string, status: ExitStatus): void
  onOom(): void
}

export class Monitor {
  readonly #child: ChildMessage
  readonly #log: LogDriver
  readonly #events: MonitorEvents
  readonly #poller: Poller
  readonly #streams: StreamDescriptors
  readonly #children: WatchedChildren
  readonly #place: MonitorPlace
  readonly #deadlines = new Deadlines()
  readonly #clients = new Clients(this.#deadlines, isFull => this.#holdOutput(isFull))
  readonly #helpers: Map<number, Helper>
  readonly #starter: Client
  readonly #attachSocket: AttachSocket
  readonly #createdNs = bootClockNs()
  readonly #oom: OomWatch
  readonly #health: HealthWatch | undefined
  readonly #notify: NotifyRelay | undefined
  readonly #softMemory: SoftMemoryWatch | undefined
  #outputs: Output[] = []
  #input: Input | undefined
  #terminal: Fd | undefined
  #terminalSize: WindowSize | undefined
  #isReading = false
  #isStarted = false
  #starterLeftMs: number | undefined
  #failure: FailureMessage | undefined
  #status: ExitStatus | undefined
  #isTimedOut = false
  #next: Ending['next'] = 'policy'

  /** `control`: the socket of the command line that starts the container. */
  constructor(child: ChildMessage, log: LogDriver, control: Fd, events: MonitorEvents, place: MonitorPlace) {
    this.#child = child
    this.#place = place
    this.#poller = place.poller
    this.#streams = place.streams
    this.#log = log
    this.#events = events
    this.#oom = new OomWatch(place.poller, child.cgroupFolder, () => events.onOom())
    this.#softMemory = place.watchMemory?.(this.#deadlines, () => {
      this.#log.note('tspod: a process was killed: more memory was used than --soft-limits allows')
      events.onOom()
    })
    this.#health = place.openHealth?.(place.poller, this.#deadlines, action => this.#onUnhealthy(action))
    const { notifyManager } = child
    if (notifyManager !== undefined && place.streams.notify !== undefined)
      this.#notify = new NotifyRelay(place.poller, place.streams.notify, notifyManager)
    this.#helpers = new Map(child.helpers.map(helper => [helper.pid, helper]))
    this.#starter = this.#accept(control)
    this.#openStreams()
    this.#attachSocket = new AttachSocket(
      this.#poller,
      this.#deadlines,
      runFolder(child.runRoot, child.id),
      socket => void this.#accept(socket),
    )
    this.#children = place.watchChildren(
      (pid, status) => this.#onEnd(pid, status),
      signal => this.#onSignal(signal),
    )
    this.#deadlines.set('subscription', SUBSCRIBE_MS, () => this.#startReading())
    this.#limitTime()
    this.#starter.send(encodeMessage('ready'))
    this.#children.reap()
    // a monitor that takes over may find it collected already
    if (this.#status === undefined && !isAlive(child))
      this.#onEnd(child.pid, { code: UNKNOWN_STATUS, signal: undefined })
  }

  /** The image's program runs, as far as anybody has said. */
  get isStarted(): boolean {
    return this.#isStarted
  }

  /** The terminal's master, once it is here. */
  get terminal(): Fd | undefined {
    return this.#terminal
  }

  /** The container has ended, and all its output is read, logged and handed on. */
  get hasEnded(): boolean {
    return this.#status !== undefined && this.#isReading && !this.#outputs.some(output => output.isOpen)
  }

  /** Waits for something to happen, at most so long (-1: for ever), and does what follows from it. */
  turn(mostMs = -1): void {
    const nextMs = this.#deadlines.nextMs()
    this.#poller.wait(mostMs < 0 ? nextMs : nextMs < 0 ? mostMs : Math.min(nextMs, mostMs))
    this.#deadlines.run()
  }

  /** Leaves the container to another monitor. */
  abandon(): void {
    this.#health?.end()
    this.#softMemory?.close()
    this.#oom.close()
    this.#attachSocket.close()
    this.#log.close()
  }

  /** After the end: closes everything but the clients; what would be in the way of others has ended. */
  finish(): Ending {
    this.#attachSocket.close()
    this.#input?.close()
    this.#oom.close()
    this.#notify?.close()
    this.#log.close()
    // the others are dying: it takes the kernel 15 ms to remove a network device, and the machine's process 1 collects them
    for (const [pid, { isAwaited }] of this.#helpers) if (isAwaited) this.#children.end(pid)
    return {
      status: this.#status ?? { code: UNKNOWN_STATUS, signal: undefined },
      durationNs: bootClockNs() - this.#createdNs,
      oomKilled: this.#oom.hasKilled || this.#softMemory?.hasKilled === true,
      neverStarted: this.#wasNeverStarted,
      failure: this.#failure,
      next: this.#next,
    }
  }

  /** Tells every client how it ended; this is the last they hear. */
  announce(message: Buffer): void {
    this.#clients.sendToAll(message)
  }

  /** Lets every client go once it has taken what is for it; `turn` sees to them. */
  dismissClients(): void {
    this.#clients.leave()
  }

  /** Stays until every client has taken what is for it, or has been given up. */
  bidFarewell(): void {
    this.dismissClients()
    while (this.#clients.size > 0) this.turn()
  }

  #openStreams(): void {
    const { terminalSocket, terminal, stdin, stdout, stderr } = this.#streams
    if (terminal !== undefined) this.#openTerminal(terminal)
    if (terminalSocket !== undefined)
      this.#poller.watch(terminalSocket.number, READABLE, () => {
        const received = receiveDescriptor(terminalSocket.number)
        this.#poller.unwatch(terminalSocket.number)
        terminalSocket.close()
        if (received !== undefined) this.#openTerminal(received)
      })
    if (stdout !== undefined) this.#addOutput('stdout', stdout)
    if (stderr !== undefined) this.#addOutput('stderr', stderr)
    if (stdin !== undefined) this.#openInput(stdin)
  }

  #openTerminal(terminal: Fd): void {
    this.#terminal = terminal
    this.#openInput(duplicate(terminal.number))
    if (this.#terminalSize !== undefined) this.#input?.resize(this.#terminalSize)
    this.#addOutput('stdout', terminal)
  }

  #openInput(fd: Fd): void {
    this.#input = new Input(this.#poller, fd, this.#child.tty, () => this.#clients.listen(true))
  }

  #addOutput(stream: StreamName, fd: Fd): void {
    const output = new Output(this.#poller, this.#deadlines, stream, fd, (name, frame) => this.#deliver(name, frame))
    this.#outputs.push(output)
    if (!this.#isReading) output.pause()
    if (this.#status !== undefined) this.#drain()
  }

  /** The log first: it has everything, whoever reads or does not. */
  #deliver(stream: StreamName, frame: Buffer): void {
    this.#log.write(stream, frame.subarray(HEADER_BYTES))
    this.#clients.deliver(stream, frame)
    if (this.#status !== undefined) this.#deadlines.set('quiet', QUIET_MS, () => this.#closeOutputs())
  }

  /** Before the command line has said whether it attaches, the first output would pass it by. */
  #startReading(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#deadlines.clear('subscription')
    for (const output of this.#outputs) output.resume()
    if (this.#status !== undefined) this.#drain()
  }

  #holdOutput(hold: boolean): void {
    if (this.#status !== undefined || !this.#isReading) return
    for (const output of this.#outputs) {
      if (hold) output.pause()
      else output.resume()
    }
  }

  #accept(socket: Fd): Client {
    const client: Client = new Client(this.#poller, socket, this.#child.folder, {
      onMessage: (from, type, payload) => this.#onMessage(from, type, payload),
      onProgress: () => this.#clients.review(),
      onGone: from => this.#onGone(from),
    })
    this.#clients.add(client)
    return client
  }

  #onMessage(from: Client, type: MessageType, payload: Buffer): void {
    switch (type) {
      case 'attach':
        from.wants = decodePayload(payload) as AttachMessage
        if (from === this.#starter) this.#startReading()
        return
      case 'stdin':
        this.#input?.write(payload)
        if (this.#input?.isFull === true) this.#clients.listen(false)
        return
      case 'stdinEof':
        this.#input?.end()
        return
      case 'resize':
        this.#terminalSize = decodePayload(payload) as WindowSize
        this.#input?.resize(this.#terminalSize)
        return
      case 'detach':
        from.wants = { stdout: false, stderr: false, stdin: false }
        from.close()
        this.#onGone(from)
        return
      case 'outputClosed':
        this.#onOutputClosed(from, (decodePayload(payload) as OutputClosedMessage).stream)
        return
      case 'started':
      case 'failed':
        if (from === this.#starter) this.#onStartMessage(type, payload)
        return
      case 'child':
      case 'ready':
      case 'refused':
      case 'stdout':
      case 'stderr':
      case 'exit':
      // not for a client to say here
    }
  }

  #onStartMessage(type: MessageType, payload: Buffer): void {
    if (type === 'started') {
      this.#isStarted = true
      if (!(decodePayload(payload) as StartedMessage).isTold) this.#events.onStarted()
      if (this.#status === undefined) this.#health?.begin()
    } else if (type === 'failed') {
      this.#failure = decodePayload(payload) as FailureMessage
      if (this.#status === undefined) killProcess(this.#child.pid, SIGKILL)
    }
  }

  #onGone(client: Client): void {
    this.#clients.remove(client)
    if (client.wants.stdin && this.#child.stdinOnce) this.#input?.end()
    if (client !== this.#starter) return
    this.#starterLeftMs = performance.now()
    this.#startReading()
  }

  /** Nobody reads the foreground's pipe any more: what writes to it learns so, as it would without a container. */
  #onOutputClosed(from: Client, stream: StreamName): void {
    from.wants = { ...from.wants, [stream]: false }
    if (from !== this.#starter || this.#child.tty) return
    for (const output of this.#outputs) if (output.stream === stream) output.close()
    this.#place.releaseOutput(stream)
  }

  #onEnd(pid: number, status: ExitStatus): void {
    const helper = this.#helpers.get(pid)
    if (helper !== undefined) {
      this.#helpers.delete(pid)
      if (this.#status !== undefined) return
      this.#log.note(`tspod: ${helper.name} has ended (status ${status.code}) before the container that it serves`)
      this.#events.onHelperLost(helper.name, status)
    } else if (pid === this.#child.pid) {
      this.#oom.look() // at once: the group may be removed by now
      this.#health?.end()
      this.#softMemory?.close()
      this.#status = this.#isTimedOut ? { ...status, code: TIMED_OUT } : status
      // what served it can go while its output is read
      for (const helperPid of this.#helpers.keys()) killProcess(helperPid, SIGKILL)
      this.#drain()
    } else this.#health?.onChildEnd(pid, status)
  }

  /** Process 1 has ended: what its pipes still hold is read, whoever is slow. */
  #drain(): void {
    if (!this.#isReading) return // a short life may be over before the command line was heard
    for (const output of this.#outputs) {
      output.resume()
      output.expectEnd()
      for (let pieces = 0; pieces < 1024 && output.read(); pieces++);
    }
    this.#deadlines.set('quiet', QUIET_MS, () => this.#closeOutputs())
    this.#deadlines.set('drained', DRAIN_MS, () => this.#closeOutputs())
  }

  #closeOutputs(): void {
    for (const output of this.#outputs) output.close()
  }

  /** What `--health-on-failure` says. */
  #onUnhealthy(action: HealthAction): void {
    if (this.#status !== undefined) return
    this.#log.note(`tspod: unhealthy: ${action}`)
    if (action === 'kill') killProcess(this.#child.pid, SIGKILL)
    else this.#stop(action === 'restart' ? 'restart' : 'stay')
  }

  /** Asked to end, at logout or shutdown: the container is stopped first, so that there is something to record. */
  #onSignal(signal: number): void {
    if (signal === SIGTERM && this.#status === undefined) this.#stop('stay')
  }

  #stop(next: Ending['next']): void {
    this.#next = next
    killProcess(this.#child.pid, this.#child.stopSignal)
    this.#deadlines.set('stop', this.#child.stopTimeoutSeconds * 1000, () => {
      if (this.#status === undefined) killProcess(this.#child.pid, SIGKILL)
    })
  }

  /** --timeout, from the start of the process on: a monitor that takes over begins no new term. */
  #limitTime(): void {
    const { timeoutSeconds, startTime, pid } = this.#child
    if (timeoutSeconds === undefined) return
    const agoMs = Number(bootClockNs() / 1_000_000n) - startTime * TICK_MS
    this.#deadlines.set('timeout', Math.max(0, timeoutSeconds * 1000 - agoMs), () => {
      if (this.#status !== undefined) return
      this.#isTimedOut = true
      this.#log.note(`tspod: killed: it has run for the ${timeoutSeconds} s of --timeout`)
      killProcess(pid, SIGKILL)
    })
  }

  get #wasNeverStarted(): boolean {
    if (this.#failure !== undefined) return true
    if (this.#isStarted) return false
    return this.#starterLeftMs === undefined || performance.now() - this.#starterLeftMs < ORPHAN_MS
  }
}
