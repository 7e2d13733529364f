// Neighbours (rtnetlink(7), ip-neighbour(8)): who answers for an address, and behind which port of a bridge a card is. Pure.
import { familyOf } from './address.ts'
import { AF_BRIDGE, type NetlinkRequest, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWNEIGH = 28
const RTM_DELNEIGH = 29

const NDA_DST = 1
const NDA_LLADDR = 2
const NUD_NOARP = 0x40
const NUD_PERMANENT = 0x80
const NTF_MASTER = 4

function neighbourBody(family: number, index: number, state: number, flags: number): Buffer {
  const body = Buffer.alloc(12)
  body.writeUInt8(family, 0)
  body.writeInt32LE(index, 4)
  body.writeUInt16LE(state, 8)
  body.writeUInt8(flags, 10)
  return body
}

/** Enters for good which card has an address, so that nobody on the link can claim it. */
export function setNeighbour(index: number, address: Uint8Array, card: Uint8Array): NetlinkRequest {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: neighbourBody(familyOf(address), index, NUD_PERMANENT, 0),
    attributes: [
      { type: NDA_DST, value: address },
      { type: NDA_LLADDR, value: card },
    ],
    doing: 'entering a neighbour',
  }
}

export function removeNeighbour(index: number, address: Uint8Array): NetlinkRequest {
  return {
    type: RTM_DELNEIGH,
    body: neighbourBody(familyOf(address), index, 0, 0),
    attributes: [{ type: NDA_DST, value: address }],
    doing: 'removing a neighbour',
    tolerate: ['ENOENT', 'ENODEV', 'ENXIO'],
  }
}

/** Enters for good behind which port of its bridge a card is. */
export function setForwarding(port: number, card: Uint8Array): NetlinkRequest {
  return {
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: neighbourBody(AF_BRIDGE, port, NUD_NOARP, NTF_MASTER),
    attributes: [{ type: NDA_LLADDR, value: card }],
    doing: 'entering a card behind its bridge port',
  }
}
