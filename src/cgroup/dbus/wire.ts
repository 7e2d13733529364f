// D-Bus messages to bytes and back (D-Bus Specification, Marshaling; Message Protocol). Little endian both ways. Pure.
import { TspodError } from '#errors.ts'

/** A value with its type, as a `v` holds it. */
export interface Variant {
  signature: string
  value: DbusValue
}

/** `y n q i u`: number; `x t`: bigint; `b`: boolean; `s o g`: string; `v`: Variant; arrays, structs and dict entries: lists. */
export type DbusValue = number | bigint | boolean | string | Variant | readonly DbusValue[]

export type MessageType = 'call' | 'return' | 'error' | 'signal'

export interface DbusMessage {
  type: MessageType
  serial: number
  path?: string
  interface?: string
  member?: string
  errorName?: string
  replySerial?: number
  destination?: string
  signature?: string
  body: readonly DbusValue[]
}

/** Bytes of the fixed part of a header; from it the length of the whole message follows. */
export const HEADER_BYTES = 16
/** "Maximum message length is 2 to the 27th power": more than that is no message. */
const MAX_BYTES = 2 ** 27

const types: readonly MessageType[] = ['call', 'return', 'error', 'signal']
const alignments: Record<string, number> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
}

/** The length of the message that begins with these 16 bytes. Throws INTERNAL for anything that is no message. */
export function messageBytes(header: Buffer): number {
  const isMessage = header[0] === 0x6c && (header[1] ?? 0) >= 1 && (header[1] ?? 9) <= 4 && header[3] === 1
  const bytes = isMessage ? align(HEADER_BYTES + header.readUInt32LE(12), 8) + header.readUInt32LE(4) : -1
  if (bytes < 0 || bytes > MAX_BYTES) throw malformed('a header')
  return bytes
}

/** A message as bytes. */
export function encodeMessage(message: DbusMessage): Buffer {
  const body = new Writer()
  if (message.signature !== undefined) body.writeAll(message.signature, message.body)
  const field = (code: number, signature: string, value: string | number | undefined): DbusValue[] =>
    value === undefined ? [] : [[code, { signature, value }]]
  const writer = new Writer()
  writer.writeAll('yyyyuua(yv)', [
    0x6c,
    types.indexOf(message.type) + 1,
    0,
    1,
    body.length,
    message.serial,
    [
      ...field(1, 'o', message.path),
      ...field(2, 's', message.interface),
      ...field(3, 's', message.member),
      ...field(4, 's', message.errorName),
      ...field(5, 'u', message.replySerial),
      ...field(6, 's', message.destination),
      ...field(8, 'g', message.signature),
    ],
  ])
  writer.align(8)
  return Buffer.concat([writer.bytes(), body.bytes()])
}

/** The message in the bytes. Throws INTERNAL where they are none. */
export function decodeMessage(bytes: Buffer): DbusMessage {
  const reader = new Reader(bytes)
  const [, type, , , , serial, fields] = reader.readAll('yyyyuua(yv)') as [
    unknown,
    number,
    unknown,
    unknown,
    unknown,
    number,
    [number, Variant][],
  ]
  const text = (code: number) => fields.find(([each]) => each === code)?.[1].value as string | undefined
  reader.align(8)
  const signature = text(8)
  return {
    type: types[type - 1] ?? 'call',
    serial,
    path: text(1),
    interface: text(2),
    member: text(3),
    errorName: text(4),
    replySerial: fields.find(([each]) => each === 5)?.[1].value as number | undefined,
    destination: text(6),
    signature,
    body: signature === undefined ? [] : new Reader(bytes.subarray(reader.offset)).readAll(signature),
  }
}

/** The first complete type of a signature: `a(sv)` of `a(sv)u`. */
export function firstType(signature: string): string {
  const first = signature[0] ?? ''
  if (first === 'a') return first + firstType(signature.slice(1))
  if (first !== '(' && first !== '{') return first
  let depth = 0
  for (let end = 0; end < signature.length; end++) {
    if ('({'.includes(signature[end] ?? '')) depth++
    if (')}'.includes(signature[end] ?? '') && --depth === 0) return signature.slice(0, end + 1)
  }
  throw malformed(`the signature "${signature}"`)
}

function splitTypes(signature: string): string[] {
  const found: string[] = []
  for (let rest = signature; rest !== ''; rest = rest.slice(found.at(-1)?.length)) found.push(firstType(rest))
  return found
}

class Writer {
  #buffer = Buffer.alloc(512)
  length = 0

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  align(to: number): void {
    this.#grow(align(this.length, to) - this.length)
  }

  writeAll(signature: string, values: readonly DbusValue[]): void {
    for (const [index, type] of splitTypes(signature).entries()) this.#write(type, values[index] ?? '')
  }

  #write(type: string, value: DbusValue): void {
    this.align(alignments[type[0] ?? ''] ?? 1)
    switch (type[0] ?? '') {
      case 'y':
        this.#grow(1)
        this.#buffer.writeUInt8(Number(value), this.length - 1)
        return
      case 'b':
      case 'u':
        this.#grow(4)
        this.#buffer.writeUInt32LE(Number(value), this.length - 4)
        return
      case 'i':
        this.#grow(4)
        this.#buffer.writeInt32LE(Number(value), this.length - 4)
        return
      case 'x':
        this.#grow(8)
        this.#buffer.writeBigInt64LE(value as bigint, this.length - 8)
        return
      case 't':
        this.#grow(8)
        this.#buffer.writeBigUInt64LE(value as bigint, this.length - 8)
        return
      case 's':
      case 'o':
        this.#writeText(value as string, 4)
        return
      case 'g':
        this.#writeText(value as string, 1)
        return
      case 'v': {
        const variant = value as Variant
        this.#writeText(variant.signature, 1)
        this.#write(variant.signature, variant.value)
        return
      }
      case 'a':
        this.#writeArray(type.slice(1), value as readonly DbusValue[])
        return
      case '(':
      case '{':
        this.writeAll(type.slice(1, -1), value as readonly DbusValue[])
        return
      default:
        throw malformed(`the type "${type}"`)
    }
  }

  #writeText(text: string, lengthBytes: 1 | 4): void {
    const bytes = Buffer.from(`${text}\0`)
    const at = this.#grow(lengthBytes + bytes.byteLength)
    this.#buffer.writeUIntLE(bytes.byteLength - 1, at, lengthBytes)
    bytes.copy(this.#buffer, at + lengthBytes)
  }

  #writeArray(element: string, values: readonly DbusValue[]): void {
    const lengthAt = this.#grow(4)
    this.align(alignments[element[0] ?? ''] ?? 1)
    const start = this.length
    for (const value of values) this.#write(element, value)
    this.#buffer.writeUInt32LE(this.length - start, lengthAt)
  }

  /** Makes room for zeroed bytes; where they begin. */
  #grow(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.#buffer.byteLength)
      this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(Math.max(this.#buffer.byteLength, count))])
    return at
  }
}

class Reader {
  readonly #bytes: Buffer
  offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  align(to: number): void {
    this.offset = align(this.offset, to)
  }

  readAll(signature: string): DbusValue[] {
    return splitTypes(signature).map(type => this.#read(type))
  }

  #read(type: string): DbusValue {
    this.align(alignments[type[0] ?? ''] ?? 1)
    switch (type[0] ?? '') {
      case 'y':
        return this.#bytes.readUInt8(this.#skip(1))
      case 'b':
        return this.#bytes.readUInt32LE(this.#skip(4)) !== 0
      case 'n':
        return this.#bytes.readInt16LE(this.#skip(2))
      case 'q':
        return this.#bytes.readUInt16LE(this.#skip(2))
      case 'i':
        return this.#bytes.readInt32LE(this.#skip(4))
      case 'u':
        return this.#bytes.readUInt32LE(this.#skip(4))
      case 'x':
        return this.#bytes.readBigInt64LE(this.#skip(8))
      case 't':
        return this.#bytes.readBigUInt64LE(this.#skip(8))
      case 'd':
        return this.#bytes.readDoubleLE(this.#skip(8))
      case 's':
      case 'o':
        return this.#readText(this.#bytes.readUInt32LE(this.#skip(4)))
      case 'g':
        return this.#readText(this.#bytes.readUInt8(this.#skip(1)))
      case 'v': {
        const signature = this.#readText(this.#bytes.readUInt8(this.#skip(1)))
        return { signature, value: this.#read(signature) }
      }
      case 'a':
        return this.#readArray(type.slice(1))
      case '(':
      case '{':
        return this.readAll(type.slice(1, -1))
      default:
        throw malformed(`the type "${type}"`)
    }
  }

  #readText(length: number): string {
    const at = this.#skip(length + 1)
    return this.#bytes.toString('utf8', at, at + length)
  }

  #readArray(element: string): DbusValue[] {
    const length = this.#bytes.readUInt32LE(this.#skip(4))
    this.align(alignments[element[0] ?? ''] ?? 1)
    const end = this.offset + length
    const values: DbusValue[] = []
    while (this.offset < end) values.push(this.#read(element))
    return values
  }

  #skip(count: number): number {
    const at = this.offset
    this.offset += count
    if (this.offset > this.#bytes.byteLength) throw malformed('a message that is cut short')
    return at
  }
}

function align(offset: number, to: number): number {
  return Math.ceil(offset / to) * to
}

function malformed(what: string): TspodError {
  return new TspodError('INTERNAL', `D-Bus: ${what} does not follow the specification`)
}
