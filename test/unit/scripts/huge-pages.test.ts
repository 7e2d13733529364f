import { expect, test } from 'bun:test'
import { findOption } from '../../../scripts/huge-pages.ts'

const fileBytes = 4096
const loadedAt = 0x200000

/** An ELF file of one loaded part, with the texts and the entries of a table of options. */
function executable(entries: { text: string; value?: number; number?: number }[]): Buffer {
  const image = Buffer.alloc(fileBytes)
  image.writeBigUInt64LE(64n, 32) // program headers
  image.writeUInt16LE(56, 54)
  image.writeUInt16LE(1, 56)
  image.writeUInt32LE(1, 64) // PT_LOAD
  image.writeBigUInt64LE(BigInt(loadedAt), 64 + 16)
  image.writeBigUInt64LE(BigInt(fileBytes), 64 + 32)
  entries.forEach(({ text, value = 0, number }, index) => {
    const textAt = 512 + index * 64
    image.write(`\0${text}\0`, textAt)
    const entry = 2048 + index * 32
    image.writeBigUInt64LE(BigInt(value), entry)
    image.writeUInt32LE(number ?? 40 + index, entry + 12)
    image.writeBigUInt64LE(BigInt(loadedAt + textAt + 1), entry + 16)
  })
  return image
}

const others = [{ text: 'purge_delay' }, { text: 'allow_thp' }, { text: 'arena_reserve' }]

test('finds the value of an option by its name', () => {
  expect(findOption(executable(others), 'allow_thp')).toBe(2048 + 32)
})

test.each([
  ['no such text', [{ text: 'purge_delay' }, { text: 'xallow_thp' }], 'found no "allow_thp"'],
  ['the text twice', [...others, { text: 'allow_thp' }], 'found more than one "allow_thp"'],
  ['another default', [{ text: 'allow_thp', value: 2 }, { text: 'next' }], 'found "allow_thp" set already'],
  ['another shape', [{ text: 'allow_thp' }, { text: 'next', number: 7 }], 'found entries that are not numbered'],
])('refuses a table with %s', (_, entries, message) => {
  expect(() => findOption(executable(entries), 'allow_thp')).toThrow(message)
})
