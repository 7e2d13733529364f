// Addresses of interfaces (rtnetlink(7), linux/if_addr.h). Pure. An address is 4 bytes or 16.
import { AF_INET, AF_INET6, type NetlinkRequest, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWADDR = 20

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_BROADCAST = 4
/** No detection of duplicates: the address is usable at once (RFC 4862 has it wait a second). */
const IFA_F_NODAD = 2

/** AF_INET or AF_INET6, by its length. */
export function familyOf(address: Uint8Array): number {
  return address.byteLength === 4 ? AF_INET : AF_INET6
}

/** Gives an interface an address; one it has already is fine. */
export function addAddress(index: number, address: Uint8Array, prefixLength: number): NetlinkRequest {
  const body = Buffer.alloc(8)
  const family = familyOf(address)
  body.writeUInt8(family, 0)
  body.writeUInt8(prefixLength, 1)
  body.writeUInt8(family === AF_INET6 ? IFA_F_NODAD : 0, 2)
  body.writeUInt32LE(index, 4)
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body,
    attributes: [
      { type: IFA_LOCAL, value: address },
      { type: IFA_ADDRESS, value: address },
      ...(family === AF_INET && prefixLength < 31
        ? [{ type: IFA_BROADCAST, value: broadcastOf(address, prefixLength) }]
        : []),
    ],
    doing: `adding the address ${[...address].join(family === AF_INET ? '.' : ' ')}/${prefixLength}`,
  }
}

function broadcastOf(address: Uint8Array, prefixLength: number): Buffer {
  const bytes = Buffer.from(address)
  bytes.writeUInt32BE((bytes.readUInt32BE(0) | (0xffff_ffff >>> prefixLength)) >>> 0)
  return bytes
}
