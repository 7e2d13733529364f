import { afterEach, beforeEach, expect, test } from 'bun:test'
import { appendFileSync, existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendEvents, JournalFollower, readEventsBackward, readEventsForward } from '#storage/journal.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tspod-journal-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const note = (id: string, name = ''): void =>
  appendEvents(root, { type: 'container', status: 'start', id, name, attributes: {} })
const ids = (events: Iterable<{ id: string }>): string[] => [...events].map(({ id }) => id)
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))

test('events are read in both directions, also where lines cross the chunks they are read in', () => {
  for (const id of numbers(2000)) note(id, 'x'.repeat(Number(id) % 97))
  expect(ids(readEventsForward(root))).toEqual(numbers(2000))
  expect(ids(readEventsBackward(root))).toEqual(numbers(2000).toReversed())
})

test('a journal that does not exist is empty', () => {
  expect(ids(readEventsForward(root))).toEqual([])
  expect(ids(readEventsBackward(root))).toEqual([])
})

test('times have nanoseconds and grow', () => {
  note('a')
  note('b')
  const [first, second] = [...readEventsForward(root)].map(({ timeNano }) => BigInt(timeNano))
  expect(first).toBeGreaterThan(1_600_000_000_000_000_000n)
  expect(second).toBeGreaterThanOrEqual(first ?? 0n)
})

test('a line that a crash has cut off, and garbage, hide no other', () => {
  note('a')
  const path = join(root, 'events.jsonl')
  appendFileSync(path, 'null\n{"timeNano":1}\nno json\n')
  note('b')
  truncateSync(path, Bun.file(path).size - 5)
  expect(ids(readEventsForward(root))).toEqual(['a'])
  expect(ids(readEventsBackward(root))).toEqual(['a'])
})

test('a journal that has grown goes on in a new file, and both are read', () => {
  const big = 'x'.repeat(1 << 20)
  for (const id of numbers(10)) note(id, big)
  expect(existsSync(join(root, 'events.1.jsonl'))).toBe(true)
  expect(ids(readEventsForward(root))).toEqual(numbers(10))
  expect(ids(readEventsBackward(root))).toEqual(numbers(10).toReversed())
})

test('a follower sees what comes after it was opened, across a rotation, each once', () => {
  note('before')
  using follower = new JournalFollower(root)
  expect(ids(follower.take())).toEqual([])
  note('a')
  note('b')
  expect(ids(follower.take())).toEqual(['a', 'b'])
  const big = 'x'.repeat(1 << 20)
  for (const id of numbers(10)) note(id, big)
  expect(ids(follower.take())).toEqual(numbers(10))
  expect(ids(follower.take())).toEqual([])
})

test('a follower of a journal that does not exist yet sees its first event', () => {
  using follower = new JournalFollower(root)
  expect(ids(follower.take())).toEqual([])
  note('first')
  expect(ids(follower.take())).toEqual(['first'])
})
