import { describe, expect, test } from 'bun:test'
import type { UsernsMode } from '#container/request.ts'
import { planUserNamespace, type UserNamespaceInputs } from '#container/user-namespace.ts'

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
    wantedSize: 0,
    taken: [],
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
  test('auto takes the first hole that is large enough', () => {
    expect(uids({ kind: 'auto' })).toEqual([[0, 1, 1024]])
    expect(
      uids({ kind: 'auto', size: 100 }, full, {
        taken: [
          { from: 150, count: 10 },
          { from: 1, count: 50 },
        ],
      }),
    ).toEqual([[0, 160, 100]])
    expect(
      uids({ kind: 'auto', size: 99 }, full, {
        taken: [
          { from: 150, count: 10 },
          { from: 1, count: 50 },
        ],
      }),
    ).toEqual([[0, 51, 99]])
    expect(() => uids({ kind: 'auto', size: 70000 })).toThrow('70000 ids are wanted')
  })
  test('no mapping straddles two extents of the parent', () => {
    const modes: UsernsMode[] = [
      { kind: 'default' },
      { kind: 'nomap' },
      { kind: 'keep-id' },
      { kind: 'keep-id', uid: 501 },
      { kind: 'auto', size: 900 },
    ]
    for (const mode of modes) {
      const mappings = uids(mode, pieces)
      for (const [, from = 0, size = 0] of mappings)
        expect(pieces.some(({ insideId, count }) => from >= insideId && from + size <= insideId + count)).toBe(true)
      const inside = mappings.flatMap(([id = 0, , size = 0]) => Array.from({ length: size }, (_, at) => id + at))
      expect(new Set(inside).size).toBe(inside.length)
    }
    expect(uids({ kind: 'auto', size: 600 }, pieces)).toEqual([
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
