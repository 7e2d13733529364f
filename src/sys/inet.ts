// Internet sockets on descriptors: addresses as the kernel wants them, and ports that can or cannot be had.

import { syscall, trySyscall } from './call.ts'
import { errnoName } from './errno.ts'
import { Fd } from './fd.ts'
import { AF_INET, AF_INET6, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from './flags.ts'

export interface InetAddress {
  /** IPv4 or IPv6 without brackets */
  ip: string
  port: number
}

/** struct sockaddr_in, or sockaddr_in6 (ipv6(7)). The text must be an address. */
export function encodeInetAddress({ ip, port }: InetAddress): Buffer {
  const isV6 = ip.includes(':')
  const address = Buffer.alloc(isV6 ? 28 : 16)
  address.writeUInt16LE(isV6 ? AF_INET6 : AF_INET, 0)
  address.writeUInt16BE(port, 2)
  address.set(isV6 ? ipv6Bytes(ip) : ip.split('.').map(Number), isV6 ? 8 : 4)
  return address
}

/** What getsockname(2) wrote. */
export function decodeInetAddress(address: Buffer): InetAddress {
  const port = address.readUInt16BE(2)
  if (address.readUInt16LE(0) === AF_INET) return { ip: [...address.subarray(4, 8)].join('.'), port }
  const words = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(8 + 2 * index).toString(16))
  return { ip: new URL(`http://[${words.join(':')}]/`).hostname.slice(1, -1), port }
}

/** 16 bytes. An IPv4 address at its end is understood too. */
function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::')
  const words = (part: string) => (part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16)))
  const before = words(head)
  const after = words(tail ?? '')
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap(word => [word >> 8, word & 0xff]))
}

const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

/**
 * A socket bound to an address, not listening; port 0 lets the kernel choose one. Where that is refused, the errno's name:
 * EADDRINUSE, EACCES (a low port), EADDRNOTAVAIL (no address of this machine), EAFNOSUPPORT.
 *
 * `reusesAddress` (SO_REUSEADDR, socket(7)): a connection of tcp that was closed a moment ago is no obstacle. For udp it hides others that
 * have the port in the same way, who go on without datagrams or with those to other addresses.
 */
export function bindInet(
  protocol: 'tcp' | 'udp',
  address: InetAddress,
  reusesAddress = protocol === 'tcp',
): Fd | string {
  const isV6 = address.ip.includes(':')
  const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM
  const number = trySyscall('socket', isV6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0)
  if (number < 0) return errnoName(-number)
  const fd = new Fd(number)
  const one = new Int32Array([1])
  if (reusesAddress) syscall('setsockopt', number, SOL_SOCKET, SO_REUSEADDR, one, 4)
  if (isV6) syscall('setsockopt', number, IPPROTO_IPV6, IPV6_V6ONLY, one, 4)
  const bytes = encodeInetAddress(address)
  const result = trySyscall('bind', number, bytes, bytes.byteLength)
  if (result === 0) return fd
  fd.close()
  return errnoName(-result)
}

/** The address a socket is bound to. */
export function localAddress(fd: Fd): InetAddress {
  const bytes = Buffer.alloc(28)
  syscall('getsockname', fd.number, bytes, new Int32Array([bytes.byteLength]))
  return decodeInetAddress(bytes)
}

/** Which of this machine's addresses packets to another one would come from; nothing is sent. `undefined` without a route. */
export function sourceAddressTo(ip: string): string | undefined {
  const bytes = encodeInetAddress({ ip, port: 9 })
  const number = trySyscall('socket', ip.includes(':') ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (number < 0) return undefined
  using fd = new Fd(number)
  return trySyscall('connect', number, bytes, bytes.byteLength) < 0 ? undefined : localAddress(fd).ip
}
