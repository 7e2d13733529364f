// How a list of calls lies in the arena (serve-*.inc reads it).
import { expect, test } from 'bun:test'
import { syscallNumber } from '#sys/numbers.ts'
import { Arena } from '#sys/servant/arena.ts'
import { call, encodeBatch, OPERATION_BYTES, resultAt, tolerate } from '#sys/servant/batch.ts'

const arena = new Arena()
const words = (start: number, index: number) => [
  ...arena.words.subarray((start + OPERATION_BYTES * index) / 8, (start + OPERATION_BYTES * (index + 1)) / 8),
]
const textAt = (address: bigint) => {
  const offset = Number(address - arena.base)
  return arena.bytes.toString('utf8', offset, arena.bytes.indexOf(0, offset))
}

test('a call is its number, its arguments, and zeros; the list ends with -1', () => {
  const start = encodeBatch(arena, [call('getpid'), call('openat', -100, 'ä/b', 2, 0n, null)])
  expect(words(start, 0)).toEqual([BigInt(syscallNumber('getpid')), ...Array.from({ length: 11 }, () => 0n)])
  const [number, folder, path = 0n, flags, ...rest] = words(start, 1)
  expect([number, folder, flags]).toEqual([BigInt(syscallNumber('openat')), -100n, 2n])
  expect(textAt(path)).toBe('ä/b')
  expect(rest).toEqual(Array.from({ length: 8 }, () => 0n))
  expect(words(start, 2)[0]).toBe(-1n)
})

test('numbers beyond 63 bits keep their bits', () => {
  const start = encodeBatch(arena, [call('close', 0xffff_ffff_ffff_fffen, 0xffff_ffff)])
  expect(words(start, 0).slice(1, 3)).toEqual([-2n, 0xffff_ffffn])
})

test('a list of strings ends with NULL', () => {
  const start = encodeBatch(arena, [call('execve', 'p', ['one', '', 'three'], [])])
  const [, , list = 0n, empty = 0n] = words(start, 0)
  const pointers = arena.words.subarray(Number(list - arena.base) / 8).subarray(0, 4)
  expect([...pointers.subarray(0, 3)].map(textAt)).toEqual(['one', '', 'three'])
  expect(pointers[3]).toBe(0n)
  expect(arena.words[Number(empty - arena.base) / 8]).toBe(0n)
})

test('a result is linked to the argument that uses it, the second use too, the third is refused', () => {
  const used = call('fchdir', { resultOf: 0 })
  const start = encodeBatch(arena, [call('getpid'), used, used])
  const [first, second] = [7, 11].map(word => words(start, 0)[word])
  expect([first, second]).toEqual([1, 2].map(index => arena.address(start + OPERATION_BYTES * index + 8)))
  expect(() => encodeBatch(arena, [call('getpid'), used, used, used])).toThrow('result 0 is used more than twice')
})

test('tolerated errors are their negative number, "any" is 1', () => {
  const start = encodeBatch(arena, [tolerate('EEXIST', call('getpid')), tolerate('any', call('getpid'))])
  expect([words(start, 0)[10], words(start, 1)[10]]).toEqual([-17n, 1n])
  expect(() => encodeBatch(arena, [tolerate('ENOTHING', call('getpid'))])).toThrow('ENOTHING')
})

test('a result is read back as a signed number', () => {
  const start = encodeBatch(arena, [call('getpid')])
  arena.words[start / 8 + 9] = -2n
  expect(resultAt(arena, start, 0)).toBe(-2)
})

test('memory is free again when no batch is under way, but not what was given up', () => {
  const before = arena.allocate(8)
  arena.beginBatch()
  arena.beginBatch()
  const inside = arena.allocate(64)
  arena.endBatch()
  expect(arena.allocate(8)).toBeGreaterThan(inside)
  arena.endBatch()
  expect(arena.allocate(8)).toBeLessThanOrEqual(before)
  arena.beginBatch()
  const lost = arena.allocate(64)
  arena.abandonBatch()
  expect(arena.allocate(8)).toBeGreaterThanOrEqual(lost + 64)
})
