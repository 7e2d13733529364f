// The machine's own address as it changes: a laptop joins another network while containers run. Runs in the network service, which lives
// in the host's network; the kernel tells of addresses and routes (rtnetlink(7)), and what they come to is asked when they have settled.
import { ownAddress } from '#network/own-address.ts'
import { syscall, trySyscall } from '#sys/call.ts'
import type { Deadlines } from '#sys/deadlines.ts'
import { Fd } from '#sys/fd.ts'
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '#sys/flags.ts'
import { AF_NETLINK, NETLINK_ROUTE, SOCK_RAW } from '#sys/netlink/socket.ts'
import { type Poller, READABLE } from '#sys/poll.ts'

/** Groups of rtnetlink(7): IPv4 addresses, and routes. */
const GROUPS = 0x10 | 0x40
const SETTLE_MS = 100
const EAGAIN = -11

/** Calls `onLook` with the address, or without one where there is no way out, after each change of addresses or routes. */
export function watchHostAddress(
  poller: Poller,
  deadlines: Deadlines,
  onLook: (address: string | undefined) => void,
): void {
  const socket = new Fd(syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE))
  const address = Buffer.alloc(12) // struct sockaddr_nl (netlink(7))
  address.writeUInt16LE(AF_NETLINK, 0)
  address.writeUInt32LE(GROUPS, 8)
  syscall('bind', socket.number, address, address.byteLength)
  const message = Buffer.alloc(256) // the rest of a message is thrown away: that there is one is enough
  poller.watch(socket.number, READABLE, () => {
    // an error says that there were too many, which is news as well
    while (trySyscall('recvfrom', socket.number, message, message.byteLength, 0, 0, 0) !== EAGAIN);
    deadlines.set('host address', SETTLE_MS, () => onLook(ownAddress()))
  })
}
