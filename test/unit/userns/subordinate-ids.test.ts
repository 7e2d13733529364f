import { describe, expect, test } from 'bun:test'
import {
  findConflicts,
  highestId,
  type IdRange,
  parseGetsubids,
  parseSubordinateIds,
  planIdMappings,
  planRootIdMappings,
  rangesOf,
  usesNameService,
} from '#userns/subordinate-ids.ts'

const parse = (text: string) => parseSubordinateIds(text, '/etc/subuid')

describe('parseSubordinateIds()', () => {
  test('takes several ranges of several owners in order, by name and by uid', () => {
    expect(parse('alice:100000:65536\nbob:165536:65536\n1000:300000:1000\nalice:400000:10')).toEqual([
      { owner: 'alice', start: 100_000, count: 65_536 },
      { owner: 'bob', start: 165_536, count: 65_536 },
      { owner: '1000', start: 300_000, count: 1000 },
      { owner: 'alice', start: 400_000, count: 10 },
    ])
  })

  test('takes names with a domain and lines with blanks around them', () => {
    expect(parse('  CORP\\alice@corp.example:100000:65536\r\n')).toEqual([
      { owner: 'CORP\\alice@corp.example', start: 100_000, count: 65_536 },
    ])
  })

  for (const line of [
    '',
    '# alice:1:2',
    'alice',
    'alice:1',
    'alice:1:2:3',
    'alice:-1:5',
    'alice:1e3:5',
    'alice:1:0',
    ':1:2',
    'alice:0x10:5',
    'alice:99999999999:5',
    `alice:${highestId}:2`,
    'alice:4294967295:1',
  ])
    test(`leaves out "${line}"`, () => expect(parse(line)).toEqual([]))

  test('takes a range that ends at the highest id', () => {
    expect(parse(`alice:${highestId - 9}:10`)).toEqual([{ owner: 'alice', start: highestId - 9, count: 10 }])
  })
})

describe('rangesOf()', () => {
  test('finds ranges by name and by uid and counts a repeated one once', () => {
    const ranges = parse('alice:100:10\n1000:200:10\nalice:100:10\nbob:300:10\n100:400:10')
    expect(rangesOf(ranges, { name: 'alice', uid: 1000 })).toEqual([
      { start: 100, count: 10 },
      { start: 200, count: 10 },
    ])
  })

  test('does not take a user whose name is not known for one with an empty name', () => {
    expect(rangesOf(parse('alice:100:10'), { name: undefined, uid: 1000 })).toEqual([])
  })
})

describe('planIdMappings()', () => {
  test('maps the own id to 0 and the ranges after it without gaps', () => {
    expect(
      planIdMappings(1000, [
        { start: 100_000, count: 65_536 },
        { start: 300_000, count: 10 },
      ]),
    ).toEqual([
      { insideId: 0, outsideId: 1000, count: 1 },
      { insideId: 1, outsideId: 100_000, count: 65_536 },
      { insideId: 65_537, outsideId: 300_000, count: 10 },
    ])
  })

  test('without ranges maps the one id', () => {
    expect(planIdMappings(1000, [])).toEqual([{ insideId: 0, outsideId: 1000, count: 1 }])
  })

  test('leaves the own id out of a range that holds it', () => {
    expect(planIdMappings(1000, [{ start: 998, count: 5 }])).toEqual([
      { insideId: 0, outsideId: 1000, count: 1 },
      { insideId: 1, outsideId: 998, count: 2 },
      { insideId: 3, outsideId: 1001, count: 2 },
    ])
  })

  test('for root never maps id 0 of the host', () => {
    expect(
      planRootIdMappings([
        { start: 0, count: 10 },
        { start: 5, count: 10 },
      ]),
    ).toEqual([
      { insideId: 0, outsideId: 1, count: 9 },
      { insideId: 9, outsideId: 10, count: 5 },
    ])
  })

  test('always gives maps that the kernel takes: no overlap on either side, inside ids without gaps, every id from a range', () => {
    let seed = 42
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    for (let round = 0; round < 500; round++) {
      const ranges: IdRange[] = Array.from({ length: random(8) }, () => ({ start: random(60), count: 1 + random(20) }))
      const own = random(80)
      const mappings = planIdMappings(own, ranges)
      const wanted = new Set([
        own,
        ...ranges.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i)),
      ])
      const outside = mappings.flatMap(({ outsideId, count }) => Array.from({ length: count }, (_, i) => outsideId + i))
      const inside = mappings.flatMap(({ insideId, count }) => Array.from({ length: count }, (_, i) => insideId + i))
      expect(new Set(outside)).toEqual(wanted)
      expect(outside.length).toBe(wanted.size)
      expect(inside).toEqual(Array.from({ length: wanted.size }, (_, i) => i))
    }
  })

  test('stops at the 340 extents that the kernel takes', () => {
    const ranges = Array.from({ length: 500 }, (_, i) => ({ start: 10_000 + i * 10, count: 5 }))
    expect(planIdMappings(1000, ranges)).toHaveLength(340)
  })
})

describe('findConflicts()', () => {
  const ranges = parse('alice:100000:65536\nbob:165535:10\ncarol:165536:10\n1000:500000:10')

  test('finds the overlap with another owner, and not the neighbour', () => {
    expect(findConflicts({ name: 'alice', uid: 1000 }, ranges, [])).toEqual([
      { range: { start: 100_000, count: 65_536 }, with: { owner: 'bob', range: { start: 165_535, count: 10 } } },
    ])
  })

  test('finds users of the system whose own id lies in the range', () => {
    const system = [
      { name: 'ldap', id: 500_009 },
      { name: 'other', id: 500_010 },
    ]
    expect(findConflicts({ name: 'x', uid: 1000 }, ranges, system)).toEqual([
      { range: { start: 500_000, count: 10 }, with: { owner: 'ldap', id: 500_009 } },
    ])
  })
})

test('parseGetsubids() reads its lines and leaves out what is none', () => {
  expect(parseGetsubids('0: epod 100000 65536\n1: epod 500000 10\nError fetching ranges\n2: epod 0 0\n')).toEqual([
    { start: 100_000, count: 65_536 },
    { start: 500_000, count: 10 },
  ])
})

test('usesNameService() tells a subid source other than files', () => {
  expect(usesNameService('passwd: files\nsubid: sss\n')).toBe(true)
  expect(usesNameService('subid:   sss # comment')).toBe(true)
  expect(usesNameService('subid: files\n')).toBe(false)
  expect(usesNameService('# subid: sss\npasswd: files sss')).toBe(false)
  expect(usesNameService('subid:\npasswd: sss')).toBe(false)
})
