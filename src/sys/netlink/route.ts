// Routes and the rules that choose between tables of them (rtnetlink(7), ip-rule(8)). Pure.
import {
  type Attribute,
  decodeAttributes,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from './message.ts'

const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTM_NEWRULE = 32
const RTM_DELRULE = 33

const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_TABLE = 15

const RTN_UNICAST = 1
const RTN_LOCAL = 2
const RTN_PROHIBIT = 8
const RTPROT_STATIC = 4
const SCOPE_UNIVERSE = 0
const SCOPE_LINK = 253
const SCOPE_HOST = 254

export const MAIN_TABLE = 254
export const LOCAL_TABLE = 255

/** Where packets go: through a gateway or straight out of an interface, or nowhere. */
export interface RouteSpec {
  /** `undefined`: everywhere */
  destination?: { address: Uint8Array; prefixLength: number }
  family: number
  via?: Uint8Array
  /** index of the interface; absent where packets are refused */
  interface?: number
  table?: number
  metric?: number
  /** destinations are this very machine's, whatever they are */
  isLocal?: boolean
}

/** Sets a route, in place of one to the same destination. Without an interface, senders are told that it is prohibited. */
export function setRoute(spec: RouteSpec): NetlinkRequest {
  return { ...routeRequest(spec), type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE }
}

/** Removes a route; one that is gone already is fine. */
export function removeRoute(spec: RouteSpec): NetlinkRequest {
  return { ...routeRequest(spec), type: RTM_DELROUTE, tolerate: ['ESRCH', 'ENOENT'] }
}

function routeRequest({
  destination,
  family,
  via,
  interface: index,
  table = MAIN_TABLE,
  metric,
  isLocal = false,
}: RouteSpec): NetlinkRequest {
  const body = Buffer.alloc(12)
  body.writeUInt8(family, 0)
  body.writeUInt8(destination?.prefixLength ?? 0, 1)
  body.writeUInt8(table < 256 ? table : 0, 4)
  body.writeUInt8(RTPROT_STATIC, 5)
  const isNear = index !== undefined && via === undefined
  body.writeUInt8(isLocal ? SCOPE_HOST : isNear ? SCOPE_LINK : SCOPE_UNIVERSE, 6)
  body.writeUInt8(isLocal ? RTN_LOCAL : index === undefined ? RTN_PROHIBIT : RTN_UNICAST, 7)
  const attributes: Attribute[] = [{ type: RTA_TABLE, value: table }]
  if (destination !== undefined) attributes.push({ type: RTA_DST, value: destination.address })
  if (via !== undefined) attributes.push({ type: RTA_GATEWAY, value: via })
  if (index !== undefined) attributes.push({ type: RTA_OIF, value: index })
  if (metric !== undefined) attributes.push({ type: RTA_PRIORITY, value: metric })
  return { type: RTM_NEWROUTE, body, attributes, doing: 'setting a route' }
}

/** Asks for all routes of a family, of every table. */
export function dumpRoutes(family: number): NetlinkRequest {
  const body = Buffer.alloc(12)
  body.writeUInt8(family, 0)
  return { type: RTM_GETROUTE, body, doing: 'listing the routes' }
}

/** A route as the kernel tells of it. */
export interface Route {
  family: number
  destination: Buffer
  prefixLength: number
  table: number
  type: number
  /** index of the interface, 0 for none */
  interface: number
}

/** Reads the payload of an RTM_NEWROUTE. */
export function parseRoute(payload: Buffer): Route {
  const attributes = decodeAttributes(payload.subarray(12))
  const family = payload.readUInt8(0)
  return {
    family,
    destination: Buffer.from(attributes.get(RTA_DST) ?? Buffer.alloc(family === 2 ? 4 : 16)),
    prefixLength: payload.readUInt8(1),
    table: attributes.get(RTA_TABLE)?.readUInt32LE(0) ?? payload.readUInt8(4),
    type: payload.readUInt8(7),
    interface: attributes.get(RTA_OIF)?.readUInt32LE(0) ?? 0,
  }
}

const FRA_DST = 1
const FRA_SRC = 2
const FRA_IIFNAME = 3
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_TABLE = 15
const FR_ACT_TO_TABLE = 1
const FR_ACT_PROHIBIT = 8

/** Which packets a rule is about, and what becomes of them. */
export interface RuleSpec {
  family: number
  priority: number
  /** packets that came in here */
  incoming?: string
  /** packets of sockets with this mark (socket(7), SO_MARK) */
  mark?: number
  source?: { address: Uint8Array; prefixLength: number }
  destination?: { address: Uint8Array; prefixLength: number }
  /** the table that decides; absent: refused */
  table?: number
}

/** Adds a rule; the same one again is fine. */
export function addRule(spec: RuleSpec): NetlinkRequest {
  return { ...ruleRequest(spec), type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, tolerate: ['EEXIST'] }
}

/** Removes a rule; one that is gone already is fine. */
export function removeRule(spec: RuleSpec): NetlinkRequest {
  return { ...ruleRequest(spec), type: RTM_DELRULE, tolerate: ['ENOENT'] }
}

function ruleRequest({ family, priority, incoming, mark, source, destination, table }: RuleSpec): NetlinkRequest {
  const body = Buffer.alloc(12)
  body.writeUInt8(family, 0)
  body.writeUInt8(destination?.prefixLength ?? 0, 1)
  body.writeUInt8(source?.prefixLength ?? 0, 2)
  body.writeUInt8(table !== undefined && table < 256 ? table : 0, 4)
  body.writeUInt8(table === undefined ? FR_ACT_PROHIBIT : FR_ACT_TO_TABLE, 7)
  const attributes: Attribute[] = [{ type: FRA_PRIORITY, value: priority }]
  if (incoming !== undefined) attributes.push({ type: FRA_IIFNAME, value: incoming })
  if (mark !== undefined) attributes.push({ type: FRA_FWMARK, value: mark })
  if (source !== undefined) attributes.push({ type: FRA_SRC, value: source.address })
  if (destination !== undefined) attributes.push({ type: FRA_DST, value: destination.address })
  if (table !== undefined) attributes.push({ type: FRA_TABLE, value: table })
  const whose = incoming === undefined ? 'with a mark' : `from "${incoming}"`
  return { type: RTM_NEWRULE, body, attributes, doing: `setting a rule for packets ${whose}` }
}
