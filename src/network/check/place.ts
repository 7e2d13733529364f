// Where a network is measured from: a servant in a network namespace of its own, as a container has it, or in the host's. It opens sockets
// for this process and moves bytes itself, so that both ends of a transfer have a process. Nothing of an image is needed.
import { type Fd, openSocketPair } from '#sys/fd.ts'
import {
  CLONE_NEWNET,
  PR_SET_DUMPABLE,
  SIGKILL,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
} from '#sys/flags.ts'
import { killProcess, type ProcessIdentity, readProcessStat, waitProcess } from '#sys/process.ts'
import { arena } from '#sys/servant/arena.ts'
import { type Call, call } from '#sys/servant/batch.ts'
import { handOverCalls } from '#sys/servant/hand-over.ts'
import { Servant } from '#sys/servant/servant.ts'
import { receiveDescriptor } from '#sys/socket.ts'
import { enterCalls, type UserNamespace } from '#userns/user-namespace.ts'

/** What one call of a transfer moves. */
export const PIECE_BYTES = 256 * 1024
const CLOCK_MONOTONIC = 1
const MSG_NOSIGNAL = 0x4000
/** A transfer that stands still for so long has failed. */
export const STILL_SECONDS = 5n

export class CheckPlace implements Disposable {
  readonly identity: ProcessIdentity
  readonly #servant: Servant
  readonly #ourEnd: Fd
  readonly #theirEnd: number
  readonly #piece: bigint
  /** where the servant writes the time when it is done */
  readonly #mark: number

  /** Without a namespace of the user's, it stays in this process's network. */
  constructor(namespace: UserNamespace | undefined) {
    const memory = arena()
    this.#piece = memory.address(memory.reserve(PIECE_BYTES))
    this.#mark = memory.reserve(16)
    const [ourEnd, theirEnd] = openSocketPair(SOCK_STREAM)
    const enter =
      namespace === undefined
        ? []
        : [
            ...enterCalls(namespace),
            call('unshare', CLONE_NEWNET),
            // changed ids would put its namespaces out of reach of the network helper
            call('prctl', PR_SET_DUMPABLE, 1, 0, 0, 0),
          ]
    this.#servant = Servant.start([], [call('close', ourEnd.number), ...enter])
    this.#theirEnd = theirEnd.number
    theirEnd.close()
    this.#ourEnd = ourEnd
    const { pid } = this.#servant
    this.identity = { pid, startTime: readProcessStat(pid)?.startTime ?? 0 }
  }

  /** A socket of its network. The caller closes it. */
  openSocket(family: number, type: number): Fd {
    this.#servant.do([call('socket', family, type | SOCK_CLOEXEC, 0), ...handOverCalls(this.#theirEnd, 0)])
    const fd = receiveDescriptor(this.#ourEnd.number)
    if (fd === undefined) throw new RangeError('the socket did not arrive')
    return fd
  }

  /** Performs calls there. */
  do(calls: Call[], deadlineMs: number): number[] {
    return this.#servant.do(calls, deadlineMs)
  }

  /** Begins to send `count` pieces through a descriptor of its own, or to take what comes as often. `finish` waits for that. */
  begin(direction: 'send' | 'take', fd: number, count: number): void {
    const [name, flags] = direction === 'send' ? (['sendto', MSG_NOSIGNAL] as const) : (['recvfrom', 0] as const)
    const memory = arena()
    memory.words[this.#mark / 8] = 0n
    this.#servant.post([
      ...Array.from({ length: count }, () => call(name, fd, this.#piece, PIECE_BYTES, flags, 0, 0)),
      call('clock_gettime', CLOCK_MONOTONIC, memory.address(this.#mark)),
    ])
  }

  /** True once what was begun is done; asks nobody. */
  get isDone(): boolean {
    return arena().words[this.#mark / 8] !== 0n
  }

  /** Bytes that were moved. */
  finish(deadlineMs: number): number {
    return this.#servant.answer(deadlineMs).reduce((sum, bytes) => sum + bytes, 0)
  }

  [Symbol.dispose](): void {
    this.#servant.close()
    this.#ourEnd.close()
    killProcess(this.identity.pid, SIGKILL)
    waitProcess(this.identity.pid)
  }
}

/** The calls by which reads and writes of a socket end after a while, whatever happens. */
export function patienceCalls(fd: number): Call[] {
  const memory = new BigInt64Array([STILL_SECONDS, 0n])
  return [SO_RCVTIMEO, SO_SNDTIMEO].map(option => call('setsockopt', fd, SOL_SOCKET, option, { memory }, 16))
}
