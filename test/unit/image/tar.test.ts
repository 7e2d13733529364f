import { describe, expect, test } from 'bun:test'
import { parsePaxTime } from '#image/tar-pax.ts'
import { TarReader } from '#image/tar-reader.ts'
import { formatPaxTime, tarEnd, tarHeader } from '#image/tar-writer.ts'
import { archive, entry, readArchive } from './_tar.ts'

const long = `${'d'.repeat(60)}/${'e'.repeat(60)}/${'f'.repeat(90)}`

describe('an archive that was written is read as the same', () => {
  const members = [
    entry('a/', { type: 'directory', mode: 0o1777 }),
    entry('a/plain', { mode: 0o4755, uid: 1000, gid: 50, userName: 'u', groupName: 'g' }),
    entry(long),
    entry('n'.repeat(150)),
    entry(`deep/${'x/'.repeat(300)}end`),
    entry('m\xc3\xbcsli', { linkPath: '' }),
    entry('bytes-\xff\xfe'),
    entry('link', { type: 'link', linkPath: 'a/plain' }),
    entry('symlink', { type: 'symlink', linkPath: `/${'t'.repeat(200)}` }),
    entry('fifo', { type: 'fifo' }),
    entry('null', { type: 'character', deviceMajor: 1, deviceMinor: 3 }),
    entry('big-ids', { uid: 4_000_000_000, gid: 2_097_152 }),
    entry('old', { modified: { seconds: -2, nanoseconds: 500_000_000 } }),
    entry('fine', { modified: { seconds: 1_700_000_000, nanoseconds: 1 }, accessed: { seconds: 5, nanoseconds: 0 } }),
    entry('attributes', {
      attributes: new Map([
        ['user.empty', Buffer.alloc(0)],
        ['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
        ['user.newline', Buffer.from('a\nb=c\0')],
      ]),
    }),
  ]
  for (const chunkBytes of [1, 511, 513, 1 << 20])
    test(`in chunks of ${chunkBytes}`, () => {
      const read = readArchive(
        archive(...members.map(each => [each, each.type === 'file' ? each.path : ''] as [typeof each, string])),
        chunkBytes,
      )
      expect(read.map(({ content, pieces, ...about }) => [about, content, pieces.length < 2])).toEqual(
        members.map(each => [
          { ...each, size: each.type === 'file' ? Buffer.byteLength(each.path) : 0 },
          each.type === 'file' ? Buffer.from(each.path).toString('latin1') : '',
          true,
        ]),
      )
    })
})

test('the same entry makes the same bytes', () => {
  const one = entry('x', {
    attributes: new Map([
      ['b', Buffer.from('1')],
      ['a', Buffer.from('2')],
    ]),
  })
  const other = entry('x', {
    attributes: new Map([
      ['a', Buffer.from('2')],
      ['b', Buffer.from('1')],
    ]),
  })
  expect(tarHeader(one)).toEqual(tarHeader(other))
})

test('times survive the way through text', () => {
  for (const time of [
    { seconds: 0, nanoseconds: 0 },
    { seconds: 0, nanoseconds: 1 },
    { seconds: -1, nanoseconds: 999_999_999 },
    { seconds: -1, nanoseconds: 1 },
    { seconds: -5, nanoseconds: 0 },
    { seconds: 1_700_000_000, nanoseconds: 120_000_000 },
  ])
    expect(parsePaxTime(formatPaxTime(time))).toEqual(time)
  expect(parsePaxTime('-0.5')).toEqual({ seconds: -1, nanoseconds: 500_000_000 })
  expect(() => parsePaxTime('1e9')).toThrow('must be a decimal number')
})

describe('what is no archive is refused', () => {
  const whole = archive([entry('file'), 'x'.repeat(1000)], entry('next'))
  test('cut off in a header, in content, in padding', () => {
    for (const length of [100, 512 + 1, 512 + 999, 512 + 1001])
      expect(() => readArchive(whole.subarray(0, length))).toThrow('cut off after')
  })
  test('cut off between entries is the end, as other readers have it', () => {
    expect(readArchive(whole.subarray(0, 512 + 1024)).map(({ path }) => path)).toEqual(['file'])
  })
  test('a changed byte in a header', () => {
    const changed = Buffer.from(whole)
    changed[3] = 0x7a
    expect(() => readArchive(changed)).toThrow('reading the tar header at byte 0: the checksum is wrong')
  })
  test('random bytes', () => {
    expect(() => readArchive(Buffer.alloc(2048, 'no archive'))).toThrow('checksum')
  })
  test('a huge extended header', () => {
    const header = tarHeader(entry('x'))
    header.write('x', 156)
    header.write('77777777777\0', 124)
    header.write('        ', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    expect(() => readArchive(header)).toThrow('at most 8388608 are read')
  })
  test('a pax record whose length lies', () => {
    const good = tarHeader(entry('x', { modified: { seconds: 1, nanoseconds: 5 } }))
    for (const digits of ['99', '03', '-9', '1 ']) {
      const bad = Buffer.from(good)
      bad.write(digits, 512, 'latin1')
      expect(() => readArchive(Buffer.concat([bad, tarEnd]))).toThrow('pax header')
    }
  })
  test('a header for an entry that never comes', () => {
    const pax = tarHeader(entry('x', { modified: { seconds: 1, nanoseconds: 5 } })).subarray(0, 1024)
    expect(() => readArchive(Buffer.concat([pax, tarEnd]))).toThrow('an entry that is missing')
  })
})

test('bytes after the end are left alone', () => {
  expect(readArchive(Buffer.concat([archive(entry('a')), Buffer.alloc(700, 'rubbish')])).length).toBe(1)
})

test('hard links have no content whatever their size says, as with every other reader', () => {
  const header = tarHeader({ ...entry('b', { type: 'link', linkPath: 'a' }), size: 5000 })
  expect(readArchive(Buffer.concat([header, archive(entry('c'))])).map(({ path }) => path)).toEqual(['b', 'c'])
})

test('nothing that is thrown while an entry is used is blamed on the archive', () => {
  const failing = {
    entry() {},
    data() {},
    end() {
      throw new Error('disk full')
    },
  }
  expect(() => new TarReader(failing).push(archive(entry('a')))).toThrow(/^disk full$/)
})
