import { describe, expect, test } from 'bun:test'
import type { UsernsMode } from '#container/request.ts'
import { idsNeeded, planAutoIds, planUserNamespace, type UserNamespaceInputs } from '#container/user-namespace.ts'

const full = [
  { insideId: 0, count: 1 },
  { insideId: 1, count: 65536 },
]
const pieces = [
  { insideId: 0, count: 1 },
  { insideId: 1, count: 500 },
  { insideId: 501, count: 1000 },
]
const single = [{ insideId: 0, count: 1 }]

function uids(mode: UsernsMode, parent = full, change: Partial<UserNamespaceInputs> = {}): number[][] {
  const plan = planUserNamespace({
    mode,
    uidMap: [],
    gidMap: [],
    parent: { uid: parent, gid: parent },
    caller: { uid: 1000, gid: 1000 },
    ...change,
  })
  return plan.uidMappings.map(({ containerID, hostID, size }) => [containerID, hostID, size])
}

describe('planUserNamespace()', () => {
  test('by default is the identity, cut where the parent is', () => {
    expect(uids({ kind: 'default' })).toEqual([
      [0, 0, 1],
      [1, 1, 65536],
    ])
    expect(uids({ kind: 'default' }, single)).toEqual([[0, 0, 1]])
  })
  test('keep-id shows the caller where it is on the host', () => {
    expect(uids({ kind: 'keep-id' })).toEqual([
      [0, 1, 1000],
      [1000, 0, 1],
      [1001, 1001, 64536],
    ])
    expect(uids({ kind: 'keep-id', uid: 0 })).toEqual([
      [0, 0, 1],
      [1, 1, 65536],
    ])
    expect(uids({ kind: 'keep-id' }, single)).toEqual([[1000, 0, 1]])
    expect(uids({ kind: 'keep-id', uid: 5, size: 3 })).toEqual([
      [0, 1, 2],
      [5, 0, 1],
    ])
  })
  test('keep-id with an id past all others', () => {
    expect(uids({ kind: 'keep-id', uid: 100000 })).toEqual([
      [0, 1, 65536],
      [100000, 0, 1],
    ])
  })
  test('nomap leaves the caller out', () => {
    expect(uids({ kind: 'nomap' })).toEqual([[0, 1, 65536]])
    expect(() => uids({ kind: 'nomap' }, single)).toThrow('nomap needs subordinate ids')
  })
  test('auto gets the ids set aside for it, and says when they are gone', () => {
    expect(uids({ kind: 'auto' }, full, { autoIds: { from: 150, count: 10 } })).toEqual([[0, 150, 10]])
    expect(() => uids({ kind: 'auto' }, full, { autoIds: { from: 65530, count: 10 } })).toThrow(
      'ids 65530 to 65539 are not among',
    )
  })
  test('no mapping straddles two extents of the parent', () => {
    const modes: UsernsMode[] = [
      { kind: 'default' },
      { kind: 'nomap' },
      { kind: 'keep-id' },
      { kind: 'keep-id', uid: 501 },
      { kind: 'auto' },
    ]
    for (const mode of modes) {
      const mappings = uids(mode, pieces, { autoIds: { from: 300, count: 900 } })
      for (const [, from = 0, size = 0] of mappings)
        expect(pieces.some(({ insideId, count }) => from >= insideId && from + size <= insideId + count)).toBe(true)
      const inside = mappings.flatMap(([id = 0, , size = 0]) => Array.from({ length: size }, (_, at) => id + at))
      expect(new Set(inside).size).toBe(inside.length)
    }
    expect(uids({ kind: 'auto' }, pieces, { autoIds: { from: 1, count: 600 } })).toEqual([
      [0, 1, 500],
      [500, 501, 100],
    ])
  })
  test('--uidmap alone serves both kinds, and is checked', () => {
    expect(uids({ kind: 'default' }, full, { uidMap: ['0:1:10', '10:0'] })).toEqual([
      [0, 1, 10],
      [10, 0, 1],
    ])
    expect(() => uids({ kind: 'default' }, full, { uidMap: ['0:1:10', '5:20:1'] })).toThrow(
      'share ids of the container',
    )
    expect(() => uids({ kind: 'default' }, full, { uidMap: ['0:1:10', '20:5:1'] })).toThrow('share ids they map to')
    expect(() => uids({ kind: 'default' }, full, { gidMap: ['0:60000:10000'] })).toThrow('4463 of them are not among')
    expect(() => uids({ kind: 'default' }, full, { uidMap: ['0:@1:1'] })).toThrow('parsing --uidmap "0:@1:1"')
    expect(() => uids({ kind: 'host' }, full, { uidMap: ['0:0:1'] })).toThrow('exclude each other')
  })
})

describe('planAutoIds()', () => {
  const parent = { uid: full, gid: full }
  const taken = [
    { from: 150, count: 10 },
    { from: 1, count: 50 },
  ]
  test('takes the first hole that is large enough, past the caller', () => {
    expect(planAutoIds(parent, [], 1024)).toEqual({ from: 1, count: 1024 })
    expect(planAutoIds(parent, taken, 99)).toEqual({ from: 51, count: 99 })
    expect(planAutoIds(parent, taken, 100)).toEqual({ from: 160, count: 100 })
  })
  test('says what is free where nothing fits', () => {
    expect(() => planAutoIds(parent, taken, 65536)).toThrow('65536 ids are wanted, 65377 of 65537 are free')
    expect(() => planAutoIds({ uid: full, gid: single }, [], 1)).toThrow('--userns auto needs subordinate ids')
  })
})

describe('idsNeeded()', () => {
  const passwd = 'root:x:0:0::/:\napp:x:5000:20::/:\nnobody:x:65534:65534::/:\n'
  test('covers whoever the image knows by name, and --user, but not nobody', () => {
    expect(idsNeeded({ passwd: '', group: '' }, '')).toBe(1024)
    expect(idsNeeded({ passwd, group: '' }, '')).toBe(5001)
    expect(idsNeeded({ passwd, group: 'big:x:7000:\n' }, 'app')).toBe(7001)
    expect(idsNeeded({ passwd, group: '' }, '1:9000')).toBe(9001)
  })
})
