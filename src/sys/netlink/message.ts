// Messages of rtnetlink(7) as data and as bytes: a header, a fixed body, attributes. Pure; numbers are in the host's order (little endian
// on both processors), addresses in the network's.

/** One attribute: text (NUL-terminated), a 32-bit number, bytes as they are, or attributes nested in it. */
export interface Attribute {
  type: number
  value: string | number | Uint8Array | readonly Attribute[]
}

/** One request to the kernel. */
export interface NetlinkRequest {
  type: number
  /** NLM_F_CREATE and its kin; NLM_F_REQUEST and NLM_F_ACK are added. */
  flags?: number
  body: Uint8Array
  attributes?: readonly Attribute[]
  /** What it does, for messages: `adding the bridge "podman1"`. */
  doing: string
  /** Errno names that are as good as success. */
  tolerate?: readonly string[]
}

/** One message from the kernel. */
export interface NetlinkMessage {
  type: number
  flags: number
  sequence: number
  payload: Buffer
}

export const NLM_F_REQUEST = 1
export const NLM_F_ACK = 4
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_BRIDGE = 7

const HEADER_BYTES = 16
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

const aligned = (length: number): number => (length + 3) & ~3

/** Attributes one after the other, each padded to four bytes. */
export function encodeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(attributes.map(encodeAttribute))
}

function encodeAttribute({ type, value }: Attribute): Buffer {
  const payload = encodeValue(value)
  const bytes = Buffer.alloc(4 + aligned(payload.byteLength))
  bytes.writeUInt16LE(4 + payload.byteLength, 0)
  bytes.writeUInt16LE(Array.isArray(value) ? type | NLA_F_NESTED : type, 2)
  bytes.set(payload, 4)
  return bytes
}

function encodeValue(value: Attribute['value']): Uint8Array {
  if (typeof value === 'string') return Buffer.from(`${value}\0`)
  if (typeof value === 'number') return numberBytes(value)
  if (value instanceof Uint8Array) return value
  return encodeAttributes(value)
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

/** A request as it is sent, with its number in the conversation. */
export function encodeRequest({ type, flags = 0, body, attributes = [] }: NetlinkRequest, sequence: number): Buffer {
  const tail = encodeAttributes(attributes)
  const length = HEADER_BYTES + aligned(body.byteLength) + tail.byteLength
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt16LE(type, 4)
  bytes.writeUInt16LE(flags | NLM_F_REQUEST | NLM_F_ACK, 6)
  bytes.writeUInt32LE(sequence, 8)
  bytes.set(body, HEADER_BYTES)
  bytes.set(tail, HEADER_BYTES + aligned(body.byteLength))
  return bytes
}

/** The messages of one datagram. A truncated one ends the list. */
export function decodeMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  for (let at = 0; at + HEADER_BYTES <= datagram.byteLength; ) {
    const length = datagram.readUInt32LE(at)
    if (length < HEADER_BYTES || at + length > datagram.byteLength) break
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    })
    at += aligned(length)
  }
  return messages
}

/** Attributes by their type; of several with the same type the last one counts. */
export function decodeAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.byteLength) break
    found.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length))
    at += aligned(length)
  }
  return found
}

/** The error number in an NLMSG_ERROR, 0 for an acknowledgement. */
export function errorNumber({ payload }: NetlinkMessage): number {
  return -payload.readInt32LE(0)
}
