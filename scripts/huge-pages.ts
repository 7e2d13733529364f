// Turns on huge pages for the memory that JavaScript works with (docs/decisions/huge-pages.md): one option of mimalloc, the runtime's
// allocator, which it reads from the environment of a process or takes from a table in the executable. The table gets the new default.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** An entry of mimalloc's table of options: `long value; int state; int number; const char *name; const char *formerName`. */
const entryBytes = 32
const nameAt = 16
const numberAt = 12

/** Changes the executable in place. Throws where the table is not as expected: another release of the runtime may have another one. */
export function allowHugePages(executable: string): void {
  const offset = findOption(readFileSync(executable), 'allow_thp')
  const file = openSync(executable, 'r+')
  writeSync(file, Uint8Array.of(1), 0, 1, offset)
  closeSync(file)
}

/** Where the value of an option lies in an ELF executable for x86-64 that is loaded at fixed addresses. It must be 0. */
export function findOption(image: Buffer, name: string): number {
  const [text, ...others] = positions(image, Buffer.from(`\0${name}\0`))
  if (text === undefined || others.length > 0)
    throw unexpected(`${text === undefined ? 'no' : 'more than one'} "${name}"`)
  const pointer = Buffer.alloc(8)
  pointer.writeBigUInt64LE(addressOf(image, text + 1))
  const entries = positions(image, pointer).map(position => position - nameAt)
  const [entry] = entries
  if (entry === undefined || entries.length > 1) throw unexpected(`${entries.length} entries for "${name}"`)
  const number = (at: number) => image.readUInt32LE(at + numberAt)
  if (number(entry + entryBytes) !== number(entry) + 1) throw unexpected('entries that are not numbered')
  if (image.readBigUInt64LE(entry) !== 0n) throw unexpected(`"${name}" set already`)
  return entry
}

function positions(image: Buffer, pattern: Buffer): number[] {
  const found: number[] = []
  for (let at = image.indexOf(pattern); at >= 0; at = image.indexOf(pattern, at + 1)) found.push(at)
  return found
}

/** The address at which the kernel maps a byte of the file (elf(5), Elf64_Phdr). */
function addressOf(image: Buffer, position: number): bigint {
  const table = Number(image.readBigUInt64LE(32))
  const [size, count] = [image.readUInt16LE(54), image.readUInt16LE(56)]
  for (let header = table; header < table + count * size; header += size) {
    const start = Number(image.readBigUInt64LE(header + 8))
    const isLoaded = image.readUInt32LE(header) === 1
    if (!isLoaded || position < start || position >= start + Number(image.readBigUInt64LE(header + 32))) continue
    return image.readBigUInt64LE(header + 16) + BigInt(position - start)
  }
  throw unexpected('a text that is not loaded')
}

function unexpected(found: string): Error {
  return new Error(
    `allowing huge pages in the executable: its table of allocator options is not the known one, found ${found}`,
  )
}
