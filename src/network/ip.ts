// IP addresses, subnets and addresses of network cards: text, bytes, numbers (RFC 4632, RFC 5952). Pure; does without node:net, which takes a millisecond to load.

/** 4 or 6. */
export type IpVersion = 4 | 6

export interface Subnet {
  version: IpVersion
  /** The network's own address as a number. */
  base: bigint
  prefixLength: number
}

/** The bytes of an address, 4 or 16; `undefined` for anything else. */
export function parseIp(text: string): Buffer | undefined {
  return text.includes(':') ? parseIp6(text) : parseIp4(text)
}

function parseIp4(text: string): Buffer | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || parts.some(part => !/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
    return undefined
  return Buffer.from(parts.map(Number))
}

function parseIp6(text: string): Buffer | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(wordsOf)
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const words = [...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])]
  return Buffer.from(words.flatMap(word => [word >> 8, word & 0xff]))
}

/** The 16-bit words of one side of `::`; the last may be written as an IPv4 address. */
function wordsOf(text: string): number[] | undefined {
  if (text === '') return []
  const words: number[] = []
  for (const part of text.split(':')) {
    const four = part.includes('.') ? parseIp4(part) : undefined
    if (four !== undefined && text.endsWith(part)) words.push(four.readUInt16BE(0), four.readUInt16BE(2))
    else if (/^[0-9a-f]{1,4}$/i.test(part)) words.push(Number.parseInt(part, 16))
    else return undefined
  }
  return words
}

/** The text of an address: dotted, or RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.byteLength === 4) return bytes.join('.')
  const words = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0))
  const run = longestZeros(words)
  const hex = (part: number[]): string => part.map(word => word.toString(16)).join(':')
  if (run.length < 2) return hex(words)
  return `${hex(words.slice(0, run.start))}::${hex(words.slice(run.start + run.length))}`
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < words.length; start++) {
    let length = 0
    while (words[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** An address as a number. */
export function ipValue(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** The address of a number. */
export function ipOfValue(version: IpVersion, value: bigint): Buffer {
  const digits = version === 4 ? 8 : 32
  return Buffer.from(value.toString(16).padStart(digits, '0'), 'hex')
}

export const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128)

/** `10.89.0.0/24`, with the bits behind the prefix cleared; `undefined` for anything else. */
export function parseSubnet(text: string): Subnet | undefined {
  const slash = text.lastIndexOf('/')
  const address = parseIp(text.slice(0, Math.max(0, slash)))
  const length = text.slice(slash + 1)
  if (address === undefined || !/^\d{1,3}$/.test(length)) return undefined
  const version: IpVersion = address.byteLength === 4 ? 4 : 6
  const prefixLength = Number(length)
  if (prefixLength > bitsOf(version)) return undefined
  return subnetOf(address, prefixLength)
}

/** The subnet that an address with a prefix is in. */
export function subnetOf(address: Uint8Array, prefixLength: number): Subnet {
  const version: IpVersion = address.byteLength === 4 ? 4 : 6
  const shift = BigInt(bitsOf(version) - prefixLength)
  return { version, base: (ipValue(address) >> shift) << shift, prefixLength }
}

export function formatSubnet({ version, base, prefixLength }: Subnet): string {
  return `${formatIp(ipOfValue(version, base))}/${prefixLength}`
}

/** How many addresses it has. */
export function subnetSize({ version, prefixLength }: Subnet): bigint {
  return 1n << BigInt(bitsOf(version) - prefixLength)
}

export function isInSubnet(subnet: Subnet, address: Uint8Array): boolean {
  if (address.byteLength !== (subnet.version === 4 ? 4 : 16)) return false
  const value = ipValue(address)
  return value >= subnet.base && value < subnet.base + subnetSize(subnet)
}

/** True where they have an address in common. */
export function subnetsOverlap(a: Subnet, b: Subnet): boolean {
  return a.version === b.version && a.base < b.base + subnetSize(b) && b.base < a.base + subnetSize(a)
}

/** `02:42:ac:11:00:02`. */
export const formatCard = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(..)(?!$)/g, '$1:')

/** `02:42:ac:11:00:02`, colons or dashes; `undefined` for anything else, and for addresses of groups. */
export function parseCard(text: string): Buffer | undefined {
  if (!/^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text)) return undefined
  const bytes = Buffer.from(text.replaceAll(/[:-]/g, ''), 'hex')
  return ((bytes[0] ?? 1) & 1) === 1 ? undefined : bytes
}
