// This machine's own address, as others would see it. Nothing is sent.
import { sourceAddressTo } from '#sys/inet.ts'

/** Addresses of the documentation (RFC 5737, RFC 3849): as far away as any. */
const ELSEWHERE = '198.51.100.1'
const ELSEWHERE6 = '2001:db8::1'

/** The IPv4 address of the default route; `undefined` without one. */
export function ownAddress(): string | undefined {
  return sourceAddressTo(ELSEWHERE)
}

/** There is a default route for IPv6. */
export function hasIpv6(): boolean {
  return sourceAddressTo(ELSEWHERE6) !== undefined
}
