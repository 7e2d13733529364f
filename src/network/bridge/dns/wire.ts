// The few things about DNS messages that must be done on bytes as they are (RFC 1035, 4.1): what is forwarded is never taken apart and
// put together again, so that record types nobody here knows pass unharmed. Pure.

export const HEADER_BYTES = 12
const TYPE_SOA = 6
const TYPE_OPT = 41
const TRUNCATED = 0x0200

export const RCODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const

export const messageId = (message: Buffer): number => message.readUInt16BE(0)
export const isTruncated = (message: Buffer): boolean => (message.readUInt16BE(2) & TRUNCATED) !== 0
export const responseCode = (message: Buffer): number => message.readUInt16BE(2) & 0xf

/** The same message with another number. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message)
  copy.writeUInt16BE(id, 0)
  return copy
}

/** An answer to the same question as the answer to this query: with its number, and its name letter by letter, which careful askers compare. */
export function asAnswerTo(query: Buffer, answer: Buffer): Buffer {
  const copy = withId(answer, messageId(query))
  copy.set(query.subarray(HEADER_BYTES, HEADER_BYTES + questionBytes(query).byteLength), HEADER_BYTES)
  return copy
}

/** Behind the name at an offset. Throws RangeError where the message ends before it does. */
export function skipName(message: Buffer, offset: number): number {
  for (let at = offset; ; ) {
    const length = message.readUInt8(at)
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length >= 0x40) throw new RangeError('a label of an unknown kind')
    at += 1 + length
  }
}

/** The bytes of the one question, name in lower case, type and class: what an answer must repeat. */
export function questionBytes(message: Buffer): Buffer {
  const end = skipName(message, HEADER_BYTES) + 4
  if (end > message.byteLength) throw new RangeError('the question is cut off')
  const bytes = Buffer.from(message.subarray(HEADER_BYTES, end))
  for (let at = 0; at < bytes.byteLength - 4; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= 0x41 && byte <= 0x5a) bytes[at] = byte + 0x20
  }
  return bytes
}

export interface Lifetime {
  /** How long the message may be kept. */
  seconds: number
  /** Where its records say how long they live. */
  offsets: number[]
}

/** How long an answer may be kept: its shortest-lived record, or as its SOA says that there is none (RFC 2308). `undefined`: not at all. */
export function lifetimeOf(message: Buffer): Lifetime | undefined {
  const counts = [6, 8, 10].map(offset => message.readUInt16BE(offset))
  const [answers = 0, authorities = 0, additionals = 0] = counts
  const offsets: number[] = []
  let seconds = Number.POSITIVE_INFINITY
  let hasAuthority = false
  let at = skipName(message, HEADER_BYTES) + 4
  for (let index = 0; index < answers + authorities + additionals; index++) {
    at = skipName(message, at)
    const type = message.readUInt16BE(at)
    const lengthOfData = message.readUInt16BE(at + 8)
    if (type !== TYPE_OPT) {
      offsets.push(at + 4)
      seconds = Math.min(seconds, message.readUInt32BE(at + 4))
    }
    if (type === TYPE_SOA && index >= answers) {
      hasAuthority = true
      seconds = Math.min(seconds, message.readUInt32BE(at + 10 + lengthOfData - 4))
    }
    at += 10 + lengthOfData
  }
  const code = responseCode(message)
  const isPositive = code === RCODE.noError && answers > 0
  const isNegative = (code === RCODE.noSuchName || code === RCODE.noError) && hasAuthority
  if (!(isPositive || isNegative) || !Number.isFinite(seconds) || seconds <= 0) return undefined
  return { seconds, offsets }
}

/** The header and question of a query as an answer without records. */
export function emptyAnswer(query: Buffer, code: number): Buffer {
  let end = HEADER_BYTES
  try {
    if (query.readUInt16BE(4) === 1) end = skipName(query, HEADER_BYTES) + 4
  } catch {
    end = HEADER_BYTES // the question cannot be repeated
  }
  const answer = Buffer.from(query.subarray(0, Math.min(end, query.byteLength)))
  const asked = query.readUInt16BE(2)
  answer.writeUInt16BE(0x8080 | (asked & 0x7900) | code, 2)
  answer.writeUInt16BE(end > HEADER_BYTES ? 1 : 0, 4)
  for (const offset of [6, 8, 10]) answer.writeUInt16BE(0, offset)
  return answer
}

/** The same answer for whoever can take fewer bytes: nothing but "ask again by TCP" where it does not fit. */
export function fitAnswer(answer: Buffer, query: Buffer, mostBytes: number): Buffer {
  if (answer.byteLength <= mostBytes) return answer
  const short = emptyAnswer(query, responseCode(answer))
  short.writeUInt16BE(short.readUInt16BE(2) | TRUNCATED, 2)
  return short
}
