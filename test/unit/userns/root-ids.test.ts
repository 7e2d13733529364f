import { expect, test } from 'bun:test'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseRootIds, findFreeRange, rangeOfStore } from '#userns/root-ids.ts'
import { overlaps, parseSubordinateIds } from '#userns/subordinate-ids.ts'

const ranges = (text: string) => parseSubordinateIds(text, 'subuid')

test('root gets what the files give to root, before what they give to containers', () => {
  const files = { uid: ranges('containers:200000:10\nroot:100000:10'), gid: ranges('root:300000:10\ncontainers:1:2') }
  expect(chooseRootIds(undefined, files)).toEqual({
    uid: [{ start: 100_000, count: 10 }],
    gid: [{ start: 300_000, count: 10 }],
  })
})

test('a name that has uids but no gids does not count', () => {
  const files = { uid: ranges('root:100000:10\ncontainers:200000:10'), gid: ranges('containers:200000:10') }
  expect(chooseRootIds(undefined, files).uid).toEqual([{ start: 200_000, count: 10 }])
})

test('without any, the remembered range is kept, and is not to be remembered again', () => {
  const remembered = { start: 1_000_013_824, count: 65_536 }
  expect(chooseRootIds(remembered, { uid: ranges('alice:100000:65536'), gid: [] })).toEqual({
    uid: [remembered],
    gid: [remembered],
  })
})

test('without any, a free high range is chosen for uids and gids alike, to be remembered', () => {
  const used = ranges('alice:1000000000:131072\nbob:1000200000:5')
  const { uid, gid, toRemember } = chooseRootIds(undefined, { uid: used, gid: [] })
  expect(uid).toEqual(gid)
  expect(toRemember).toEqual(uid[0])
  const [range] = uid
  expect(range?.start).toBeGreaterThan(1_000_000_000)
  for (const other of used) expect(range !== undefined && overlaps(range, other)).toBe(false)
})

test('where nothing is free, the error says what an administrator writes', () => {
  expect(() => findFreeRange([{ start: 0, count: 4_000_000_000 }])).toThrow('no 65536 ids')
})

test("a store that belongs to a range of root's says which one; others say nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-'))
  expect(rangeOfStore(folder)).toBeUndefined()
  expect(rangeOfStore(join(folder, 'none'))).toBeUndefined()
  if (process.getuid?.() === 0) {
    chownSync(folder, 1_000_013_824, 1_000_013_824)
    expect(rangeOfStore(folder)).toEqual({ start: 1_000_013_824, count: 65_536 })
  }
  rmSync(folder, { recursive: true })
})

test("in a container root gets the ids that exist there, without the container's own root", () => {
  const none = { uid: [], gid: [] }
  const own = { start: 1, count: 65_535 }
  expect(chooseRootIds(undefined, none, { start: 0, count: 65_536 })).toEqual({ uid: [own], gid: [own] })
})
