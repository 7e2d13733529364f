// The service's hands in the user's network namespace: a servant that lives there, opens sockets for the service, there or in a
// container's namespace, and writes the namespace's settings. The service itself stays in the host's network, where name servers are.

import { type Fd, openFile, openSocketPair } from '#sys/fd.ts'
import { CLONE_NEWNET, O_CLOEXEC, O_RDONLY, O_WRONLY, SOCK_CLOEXEC, SOCK_STREAM } from '#sys/flags.ts'
import { AF_NETLINK, NETLINK_ROUTE, NetlinkSocket, SOCK_RAW } from '#sys/netlink/socket.ts'
import { isAlive, type ProcessIdentity, readProcessStat } from '#sys/process.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { handOverCalls } from '#sys/servant/hand-over.ts'
import { Seat, Servant } from '#sys/servant/servant.ts'
import { openStub, stubCalls } from '#sys/servant/stub.ts'
import { receiveDescriptor } from '#sys/socket.ts'
import type { Settings } from './plumbing.ts'

export class Hands implements Disposable {
  readonly #servant: Servant
  /** The servant's descriptor of its namespace, to come back to. */
  readonly #home: number
  /** The servant's end of the socket that descriptors come through has the same number there as here. */
  readonly #theirEnd: number
  readonly #ourEnd: Fd
  readonly #identity: ProcessIdentity

  private constructor(servant: Servant, home: number, ourEnd: Fd, theirEnd: number) {
    this.#servant = servant
    this.#home = home
    this.#ourEnd = ourEnd
    this.#theirEnd = theirEnd
    this.#identity = { pid: servant.pid, startTime: readProcessStat(servant.pid)?.startTime ?? 0 }
  }

  /** Goes into the namespace behind a descriptor, which stays the caller's, or makes a new one. */
  static enter(kept?: Fd): { hands: Hands; namespace: Fd } {
    const seat = new Seat()
    using stub = openStub(seat)
    const [ourEnd, theirEnd] = openSocketPair(SOCK_STREAM)
    const keep = [theirEnd.number, ...(kept === undefined ? [] : [kept.number])]
    const servant = Servant.startStub(seat, [], stubCalls(stub, seat, 'tspod: in the user network', keep))
    try {
      const [, home = -1] = servant.do([
        kept === undefined ? call('unshare', CLONE_NEWNET) : call('setns', kept.number, CLONE_NEWNET),
        call('openat', -100, '/proc/self/ns/net', O_RDONLY | O_CLOEXEC, 0),
      ])
      const namespace = kept ?? openFile(`/proc/${servant.pid}/ns/net`, O_RDONLY)
      const hands = new Hands(servant, home, ourEnd, theirEnd.number)
      theirEnd.close()
      return { hands, namespace }
    } catch (error) {
      servant.close()
      theirEnd.close()
      ourEnd.close()
      throw error
    }
  }

  get pid(): number {
    return this.#servant.pid
  }

  /** False once somebody has killed it. */
  get isAlive(): boolean {
    return isAlive(this.#identity)
  }

  /** A socket of the user's network namespace, or of that behind a path (`/proc/PID/ns/net`). The caller closes it. */
  openSocket(family: number, type: number, protocol: number, namespacePath?: string): Fd {
    this.#perform(namespacePath, first => [
      call('socket', family, type | SOCK_CLOEXEC, protocol),
      ...handOverCalls(this.#theirEnd, first),
    ])
    const fd = receiveDescriptor(this.#ourEnd.number)
    if (fd === undefined) throw new RangeError('the socket did not arrive')
    return fd
  }

  /** A netlink socket of the user's network namespace, or of another one. */
  openNetlink(namespacePath?: string): NetlinkSocket {
    return new NetlinkSocket(this.openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, namespacePath))
  }

  /** Writes settings below /proc/sys/net, there or in another namespace. Throws for the first file that cannot be written. */
  write(settings: Settings, namespacePath?: string): void {
    for (const [file, text] of settings)
      this.#perform(namespacePath, first => [
        call('openat', -100, `/proc/sys/net/${file}`, O_WRONLY | O_CLOEXEC, 0),
        call('write', { resultOf: first }, text, text.length),
        call('close', { resultOf: first }),
      ])
  }

  /** Calls of which the first has the number `first`; in another namespace, it goes there and comes back, whatever happens. */
  #perform(path: string | undefined, make: (first: number) => Call[]): void {
    if (path === undefined) return void this.#servant.do(make(0))
    const enter = [
      call('openat', -100, path, O_RDONLY | O_CLOEXEC, 0),
      call('setns', { resultOf: 0 }, CLONE_NEWNET),
      call('close', { resultOf: 0 }),
    ]
    try {
      this.#servant.do([...enter, ...make(enter.length)])
    } finally {
      this.#servant.call('setns', this.#home, CLONE_NEWNET)
    }
  }

  [Symbol.dispose](): void {
    this.#servant.close()
    this.#ourEnd.close()
  }
}
