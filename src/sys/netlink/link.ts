// Network interfaces (rtnetlink(7), linux/if_link.h): bridges, veth pairs, their settings. Pure.
import {
  AF_BRIDGE,
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
} from './message.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
export const RTM_GETLINK = 18
const RTM_SETLINK = 19

const IFF_UP = 1

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_MASTER = 10
const IFLA_PROTINFO = 12
const IFLA_LINKINFO = 18
const IFLA_NET_NS_FD = 28
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const VETH_INFO_PEER = 1
const IFLA_BRPORT_LEARNING = 8
const IFLA_BRPORT_UNICAST_FLOOD = 9

/** struct ifinfomsg. */
function linkBody({ index = 0, up }: { index?: number; up?: boolean }, family = 0): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt8(family, 0)
  body.writeInt32LE(index, 4)
  if (up !== undefined) {
    body.writeUInt32LE(up ? IFF_UP : 0, 8)
    body.writeUInt32LE(IFF_UP, 12)
  }
  return body
}

export interface BridgeSpec {
  name: string
  /** the one it gets; the caller knows it to be free */
  index: number
  mtu: number
  address: Uint8Array
}

/** A bridge, up at once. */
export function addBridge({ name, index, mtu, address }: BridgeSpec): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: linkBody({ index, up: true }),
    attributes: [
      { type: IFLA_IFNAME, value: name },
      { type: IFLA_MTU, value: mtu },
      { type: IFLA_ADDRESS, value: address },
      { type: IFLA_LINKINFO, value: [{ type: IFLA_INFO_KIND, value: 'bridge' }] },
    ],
    doing: `adding the bridge "${name}"`,
  }
}

export interface VethSpec {
  /** The end that stays. */
  name: string
  index: number
  /** The index of the bridge that it becomes a port of. */
  bridge: number
  mtu: number
  peer: {
    name: string
    index: number
    address: Uint8Array
    /** A descriptor of the network namespace it is made in. */
    namespace: number
  }
}

/** A pair of interfaces: one on a bridge here, up; one in another network namespace, which cannot be up before it has its peer. */
export function addVeth({ name, index, bridge, mtu, peer }: VethSpec): NetlinkRequest {
  const peerAttributes: Attribute[] = [
    { type: IFLA_IFNAME, value: peer.name },
    { type: IFLA_MTU, value: mtu },
    { type: IFLA_ADDRESS, value: peer.address },
    { type: IFLA_NET_NS_FD, value: peer.namespace },
  ]
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: linkBody({ index, up: true }),
    attributes: [
      { type: IFLA_IFNAME, value: name },
      { type: IFLA_MTU, value: mtu },
      { type: IFLA_MASTER, value: bridge },
      {
        type: IFLA_LINKINFO,
        value: [
          { type: IFLA_INFO_KIND, value: 'veth' },
          {
            type: IFLA_INFO_DATA,
            value: [
              {
                type: VETH_INFO_PEER,
                value: Buffer.concat([linkBody({ index: peer.index }), encodeAttributes(peerAttributes)]),
              },
            ],
          },
        ],
      },
    ],
    doing: `adding the interfaces "${name}" and "${peer.name}"`,
  }
}

/** The port of a bridge neither learns addresses from what it hears nor gets frames for unknown ones: all are entered by us. */
export function closePort(name: string, index: number): NetlinkRequest {
  return {
    type: RTM_SETLINK,
    body: linkBody({ index }, AF_BRIDGE),
    attributes: [
      {
        type: IFLA_PROTINFO,
        value: [
          { type: IFLA_BRPORT_LEARNING, value: Uint8Array.of(0) },
          { type: IFLA_BRPORT_UNICAST_FLOOD, value: Uint8Array.of(0) },
        ],
      },
    ],
    doing: `setting up the bridge port "${name}"`,
  }
}

/** Brings an interface up. */
export function setLinkUp(name: string, index: number): NetlinkRequest {
  return { type: RTM_NEWLINK, body: linkBody({ index, up: true }), doing: `bringing up the interface "${name}"` }
}

/** Removes an interface by its name; one that is gone already is fine. */
export function removeLink(name: string): NetlinkRequest {
  return {
    type: RTM_DELLINK,
    body: linkBody({}),
    attributes: [{ type: IFLA_IFNAME, value: name }],
    doing: `removing the interface "${name}"`,
    tolerate: ['ENODEV'],
  }
}

/** Asks for all interfaces. */
export function dumpLinks(): NetlinkRequest {
  return { type: RTM_GETLINK, body: linkBody({}), doing: 'listing the interfaces' }
}

/** An interface as the kernel tells of it. */
export interface Link {
  index: number
  name: string
  address: Buffer
  mtu: number
  isUp: boolean
}

/** Reads the payload of an RTM_NEWLINK. */
export function parseLink(payload: Buffer): Link {
  const attributes = decodeAttributes(payload.subarray(16))
  return {
    index: payload.readInt32LE(4),
    name: attributes.get(IFLA_IFNAME)?.toString('latin1').replace(/\0.*$/, '') ?? '',
    address: Buffer.from(attributes.get(IFLA_ADDRESS) ?? []),
    mtu: attributes.get(IFLA_MTU)?.readUInt32LE(0) ?? 0,
    isUp: (payload.readUInt32LE(8) & IFF_UP) !== 0,
  }
}
