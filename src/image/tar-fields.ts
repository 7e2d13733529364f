// Fields of tar headers: numbers in octal and base 256, names, the checksum (pax(1), ustar; GNU tar's extensions). Pure.
import { TspodError } from '#errors.ts'

/** The text of a field up to its first NUL, as bytes. */
export function readText(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  return block.toString('latin1', start, end === -1 || end > start + length ? start + length : end)
}

/** A number: octal digits padded with blanks or NULs, or base 256 when the first bit is set; may be negative then. */
export function readNumber(block: Buffer, start: number, length: number, what: string): number {
  const first = block[start] ?? 0
  if ((first & 0x80) !== 0) return readBase256(block, start, length, what)
  let value = 0
  let digits = 0
  for (let at = start; at < start + length; at++) {
    const byte = block[at] ?? 0
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + (byte - 0x30)
      digits++
    } else if (byte === 0 || byte === 0x20) {
      if (digits > 0) break
    } else throw badNumber(block, start, length, what)
  }
  return value
}

function readBase256(block: Buffer, start: number, length: number, what: string): number {
  const isNegative = ((block[start] ?? 0) & 0x40) !== 0
  let value = isNegative ? -1n : 0n
  for (let at = start; at < start + length; at++) {
    const byte = block[at] ?? 0
    value = (value << 8n) | BigInt(at === start ? (isNegative ? byte | 0x80 : byte & 0x7f) : byte)
  }
  const number = Number(BigInt.asIntN(length * 8, value))
  if (!Number.isSafeInteger(number)) throw badNumber(block, start, length, what)
  return number
}

function badNumber(block: Buffer, start: number, length: number, what: string): TspodError {
  const found = JSON.stringify(block.toString('latin1', start, start + length))
  return new TspodError('INVALID', `the ${what} of a tar header is ${found}, must be a number`)
}

/** The header's checksum as it should be: the sum of its bytes with the checksum field as blanks. */
export function checksum(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < 148; at++) sum += block[at] ?? 0
  for (let at = 156; at < 512; at++) sum += block[at] ?? 0
  return sum
}

/** Old archivers summed signed bytes. */
export function signedChecksum(block: Buffer): number {
  let sum = 8 * 0x20
  for (let at = 0; at < 148; at++) sum += block.readInt8(at)
  for (let at = 156; at < 512; at++) sum += block.readInt8(at)
  return sum
}
