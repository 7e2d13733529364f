// struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)). Pure.

const AF_INET = 2
const AF_INET6 = 10

/** Bytes for either. */
export const SOCKET_ADDRESS_BYTES = 28

export interface InternetAddress {
  /** 4 bytes or 16 */
  address: Buffer
  port: number
}

/** `address` is 4 bytes or 16; `scope` the number of the interface behind which one of 16 is (ipv6(7), sin6_scope_id). */
export function socketAddress(address: Uint8Array, port: number, scope = 0): Buffer {
  const isFour = address.byteLength === 4
  const bytes = Buffer.alloc(isFour ? 16 : SOCKET_ADDRESS_BYTES)
  bytes.writeUInt16LE(isFour ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(address, isFour ? 4 : 8)
  if (!isFour) bytes.writeUInt32LE(scope, 24)
  return bytes
}

/** What the kernel filled in: the address's 4 or 16 bytes, and the port. */
export function parseSocketAddress(bytes: Buffer): InternetAddress {
  const isFour = bytes.readUInt16LE(0) === AF_INET
  return {
    address: Buffer.from(isFour ? bytes.subarray(4, 8) : bytes.subarray(8, 24)),
    port: bytes.readUInt16BE(2),
  }
}
