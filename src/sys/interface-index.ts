// The number of an interface by its name (netdevice(7), SIOCGIFINDEX), in the network namespace of a socket.
import { trySyscall } from './call.ts'
import type { Fd } from './fd.ts'

const SIOCGIFINDEX = 0x8933
/** struct ifreq: 16 bytes of name with a zero at the end, then the number. */
const IFREQ_BYTES = 40
const NAME_BYTES = 16

/** `undefined` where there is none of this name. */
export function interfaceIndex(socket: Fd, name: string): number | undefined {
  const request = Buffer.alloc(IFREQ_BYTES)
  if (Buffer.byteLength(name) >= NAME_BYTES) return undefined
  request.write(name)
  return trySyscall('ioctl', socket.number, SIOCGIFINDEX, request) < 0 ? undefined : request.readInt32LE(NAME_BYTES)
}
