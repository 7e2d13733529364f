// A conversation with the kernel's routing part over a netlink socket (netlink(7)). The socket belongs for ever to the network namespace
// it was made in, so whoever is handed one speaks to that namespace from anywhere.
import { SystemCallError } from '#errors.ts'
import { syscall } from '#sys/call.ts'
import { errnoName, errnoText } from '#sys/errno.ts'
import { Fd } from '#sys/fd.ts'
import { SOCK_CLOEXEC } from '#sys/flags.ts'
import {
  decodeMessages,
  encodeRequest,
  errorNumber,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts'

export const AF_NETLINK = 16
export const SOCK_RAW = 3
export const NETLINK_ROUTE = 0

/** The kernel fills pages of at most this size (netlink(7): 32 KiB for dumps). */
const DATAGRAM_BYTES = 32_768
/** Acknowledgements quote what they acknowledge; more requests at a time could fill the socket. */
const REQUESTS_AT_A_TIME = 32

export class NetlinkSocket implements Disposable {
  readonly #fd: Fd
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES)
  #sequence = 1

  /** Takes over a socket of AF_NETLINK, NETLINK_ROUTE; without one, opens it in this process's network namespace. */
  constructor(fd = new Fd(syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))) {
    this.#fd = fd
  }

  /** Has the kernel perform requests in order. Throws for the first that failed; those after it are performed all the same. */
  request(requests: readonly NetlinkRequest[]): void {
    for (let at = 0; at < requests.length; at += REQUESTS_AT_A_TIME)
      this.#exchange(requests.slice(at, at + REQUESTS_AT_A_TIME))
  }

  /** What a request for a listing answers: the payloads of messages, in order. */
  dump(request: NetlinkRequest): Buffer[] {
    const sequence = this.#sequence++
    this.#send(encodeRequest({ ...request, flags: (request.flags ?? 0) | NLM_F_DUMP }, sequence))
    const payloads: Buffer[] = []
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue
        if (message.type === NLMSG_DONE) return payloads
        if (message.type === NLMSG_ERROR) throw failure(request, errorNumber(message))
        payloads.push(Buffer.from(message.payload))
      }
    }
  }

  #exchange(requests: readonly NetlinkRequest[]): void {
    const first = this.#sequence
    this.#sequence += requests.length
    this.#send(Buffer.concat(requests.map((request, index) => encodeRequest(request, first + index))))
    let failed: SystemCallError | undefined
    for (let answered = 0; answered < requests.length; ) {
      for (const message of this.#receive()) {
        const request = requests[message.sequence - first]
        if (message.type !== NLMSG_ERROR || request === undefined) continue
        answered++
        const errno = errorNumber(message)
        if (errno !== 0 && request.tolerate?.includes(errnoName(errno)) !== true) failed ??= failure(request, errno)
      }
    }
    if (failed !== undefined) throw failed
  }

  #send(bytes: Buffer): void {
    syscall('sendto', this.#fd.number, bytes, bytes.byteLength, 0, 0, 0)
  }

  #receive(): NetlinkMessage[] {
    const got = syscall('recvfrom', this.#fd.number, this.#buffer, this.#buffer.byteLength, 0, 0, 0)
    return decodeMessages(this.#buffer.subarray(0, got))
  }

  [Symbol.dispose](): void {
    this.#fd.close()
  }
}

function failure({ doing }: NetlinkRequest, errno: number): SystemCallError {
  const name = errnoName(errno)
  return new SystemCallError(doing, name, errnoText(name))
}
