// A name server as resolv.conf(5) writes it: an address, of IPv6 with a scope where it holds on one link only, `fe80::1%eth0` (RFC 4007, 11).
import type { Fd } from '#sys/fd.ts'
import { interfaceIndex } from '#sys/interface-index.ts'
import { socketAddress } from '#sys/socket-address.ts'
import { formatIp, parseIp } from './ip.ts'

export interface ServerAddress {
  /** 4 bytes or 16. */
  address: Buffer
  /** An interface of this machine, by name or number. */
  scope?: string
}

/** `undefined` for what is no address. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  const at = text.indexOf('%')
  const address = parseIp(at < 0 ? text : text.slice(0, at))
  if (address === undefined || at < 0) return address && { address }
  const scope = text.slice(at + 1)
  return address.byteLength === 16 && scope !== '' ? { address, scope } : undefined
}

/** In the form of RFC 5952, which is the same for the same server. */
export function formatServerAddress({ address, scope }: ServerAddress): string {
  return scope === undefined ? formatIp(address) : `${formatIp(address)}%${scope}`
}

/** Where a socket of this network namespace sends to; `undefined` where the scope's interface is not there. */
export function serverSocketAddress({ address, scope }: ServerAddress, port: number, socket: Fd): Buffer | undefined {
  if (scope === undefined) return socketAddress(address, port)
  const index = /^[1-9]\d{0,8}$/.test(scope) ? Number(scope) : interfaceIndex(socket, scope)
  return index === undefined ? undefined : socketAddress(address, port, index)
}
