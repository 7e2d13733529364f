import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Backlog } from '#monitor/backlog.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tspod-backlog-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A reader that takes at most so many bytes before it is full, and keeps them. */
class Reader {
  readonly pieces: Buffer[] = []
  room = 0

  take = (bytes: Buffer): number => {
    const taken = Math.min(this.room, bytes.byteLength)
    this.room -= taken
    this.pieces.push(Buffer.from(bytes.subarray(0, taken)))
    return taken
  }
}

const piece = (index: number): Buffer => Buffer.alloc(50_000, index)

test('bytes come out as they went in, through memory, file and memory again', () => {
  const backlog = new Backlog(folder)
  const reader = new Reader()
  const sent: Buffer[] = []
  for (let index = 0; index < 200; index++) {
    if (index === 30) expect(backlog.startSpilling()).toBe(true)
    reader.room = index % 3 === 0 ? 12_345 : 0
    backlog.push(piece(index))
    sent.push(piece(index))
    expect(backlog.flush(reader.take)).toBe(true)
  }
  expect(backlog.isFull).toBe(false)
  reader.room = Number.POSITIVE_INFINITY
  backlog.flush(reader.take)
  expect(backlog.isEmpty).toBe(true)
  expect(Buffer.concat(reader.pieces).equals(Buffer.concat(sent))).toBe(true)
  backlog.push(piece(201))
  backlog.flush(reader.take)
  expect(backlog.isEmpty).toBe(true)
})

test('a megabyte in memory is full, a file makes room, and nobody else sees the file', () => {
  const backlog = new Backlog(folder)
  for (let index = 0; index < 21; index++) backlog.push(piece(index))
  expect(backlog.isFull).toBe(true)
  expect(backlog.startSpilling()).toBe(true)
  expect(backlog.startSpilling()).toBe(false)
  expect(backlog.isFull).toBe(false)
  backlog.push(piece(22))
  expect(readdirSync(folder)).toEqual([])
  backlog.close()
})

test('where no file can be made it stays full', () => {
  const backlog = new Backlog(join(folder, 'gone'))
  for (let index = 0; index < 21; index++) backlog.push(piece(index))
  expect(backlog.startSpilling()).toBe(false)
  expect(backlog.isFull).toBe(true)
})

test('a reader that has gone is said to have gone', () => {
  const backlog = new Backlog(folder)
  backlog.push(piece(1))
  expect(backlog.flush(() => 'gone')).toBe(false)
})
