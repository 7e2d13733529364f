// Layers are unpacked for real, inside the user's namespace: what archives mean, and what hostile ones must not reach.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { ChainId } from '#oci/digest.ts'
import { digestOf } from '#oci/digest.ts'
import { openLayerStore } from '#storage/layer-store.ts'
import { overlayDriver } from '#storage/overlay.ts'
import { sweepStaging } from '#storage/staging.ts'
import { needs } from '#test/needs.ts'
import { archive, entry } from '#test/unit/image/_tar.ts'
import { fullWish, openTestStore, readRoot, singleWish, type TestStore, unpackArchive } from './_store.ts'

const test = needs('user', 'userns', 'subids')
let store: TestStore

beforeAll(async () => {
  const wish = fullWish()
  if (wish !== undefined) store = await openTestStore(wish)
})
afterAll(async () => await store?.[Symbol.asyncDispose]())

const directory = (path: string, more = {}) => entry(path, { type: 'directory', ...more })
const symlink = (path: string, linkPath: string) => entry(path, { type: 'symlink', linkPath })
const hardLink = (path: string, linkPath: string) => entry(path, { type: 'link', linkPath })
/** The host's id of an id inside. */
const outside = (id: number): number =>
  id === 0 ? (process.getuid?.() ?? 0) : (store.namespace.mappings.uid[1]?.outsideId ?? 0) + id - 1

describe('an archive that reaches outside', () => {
  const outsideFile = (): string => join(store.graphRoot, 'outside')
  const hostile: [string, () => Buffer, string][] = [
    ['by ..', () => archive([entry('../outside'), 'x']), 'must not contain ".."'],
    ['by .. after a folder', () => archive(directory('a'), [entry('a/../../outside'), 'x']), 'must not contain ".."'],
    ['by a hard link with ..', () => archive(hardLink('l', '../../../../outside')), 'must not contain ".."'],
    ['by a hard link to an absolute path', () => archive(hardLink('l', outsideFile())), 'is not in this layer'],
    [
      'by a hard link through a link',
      () => archive(symlink('s', store.graphRoot), hardLink('l', 's/outside')),
      'is not in this layer',
    ],
    [
      'by a hard link to a link',
      () => archive(symlink('s', outsideFile()), hardLink('s2', 's'), [entry('s2/x'), 'x']),
      'is a symbolic link that leads nowhere',
    ],
    ['below a file', () => archive([entry('a'), 'x'], [entry('a/b'), 'x']), 'a part of it is no folder'],
    ['below links in a circle', () => archive(symlink('a', 'b'), symlink('b', 'a'), entry('a/x')), 'go in a circle'],
    ['by a whiteout of ..', () => archive(entry('.wh...')), 'must name a file'],
    ['by a whiteout of nothing', () => archive(entry('a/.wh.')), 'must name a file'],
    ['with a root that is a link', () => archive(symlink('./', store.graphRoot)), 'must be a directory'],
    ['with a hard link to a folder', () => archive(directory('a'), hardLink('l', 'a')), 'is a directory'],
    ['with a name of 300 bytes', () => archive(entry('n'.repeat(300))), 'too long'],
  ]
  for (const [how, make, text] of hostile)
    test(`${how} is refused, and nothing stays`, async () => {
      writeFileSync(outsideFile(), 'untouched')
      const failure = await unpackArchive(store, make(), { parent: chain('00') }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'INVALID', message: expect.stringContaining(text) })
      expect(readFileSync(outsideFile(), 'utf8')).toBe('untouched')
      expect(readdirSync(join(store.graphRoot, 'tmp'))).toEqual([])
      expect(existsSync('/outside')).toBe(false)
    })

  test('through links to / and .. ends up inside the layer', async () => {
    const up = '../'.repeat(12)
    const { diff } = await unpackArchive(
      store,
      archive(
        symlink('root', '/'),
        symlink('up', up),
        [entry('root/one'), '1'],
        [entry('up/two'), '2'],
        [entry('/three'), '3'],
      ),
    )
    expect(readdirSync(diff).toSorted()).toEqual(['one', 'root', 'three', 'two', 'up'])
  })

  test('through a link in place of the file replaces the link', async () => {
    writeFileSync(outsideFile(), 'untouched')
    const { diff } = await unpackArchive(store, archive(symlink('f', outsideFile()), [entry('f'), 'new']))
    expect(lstatSync(join(diff, 'f')).isFile()).toBe(true)
    expect(readFileSync(outsideFile(), 'utf8')).toBe('untouched')
  })

  test('through a folder that became a link goes into the link, inside', async () => {
    const { diff } = await unpackArchive(
      store,
      archive(directory('a'), [entry('a/x'), '1'], symlink('a', '/b'), directory('b'), [entry('a/y'), '2']),
    )
    expect(readdirSync(join(diff, 'b'))).toEqual(['y'])
    expect(readlinkSync(join(diff, 'a'))).toBe('/b')
  })
})

const chain = (digits: string) => digestOf(digits.padStart(64, '0')) as unknown as ChainId

test('owners, modes, times and attributes are as the archive says', async () => {
  const time = { seconds: 1_500_000_000, nanoseconds: 123_456_789 }
  const { diff, record } = await unpackArchive(
    store,
    archive(
      directory('./', { mode: 0o755, modified: time }),
      directory('mail', { mode: 0o2775, gid: 8, modified: time }),
      [entry('mail/box', { mode: 0o600, uid: 1000, modified: time }), 'x'],
      [entry('su', { mode: 0o4755, uid: 33, gid: 33 }), 'x'],
      directory('closed', { mode: 0o000 }),
      [entry('closed/in'), 'x'],
      hardLink('su2', 'su'),
      entry('s', { type: 'symlink', linkPath: 'nowhere', uid: 7, gid: 7, modified: time }),
      entry('pipe', { type: 'fifo', mode: 0o622 }),
      entry('null', { type: 'character', deviceMajor: 1, deviceMinor: 3 }),
      entry('zero', { type: 'character' }),
      hardLink('null2', 'null'),
      [
        entry('attributes', {
          attributes: new Map([
            ['user.a', Buffer.from('1')],
            ['user.overlay.opaque', Buffer.from('y')],
            ['trusted.x', Buffer.from('z')],
          ]),
        }),
        '',
      ],
    ),
  )
  const mail = statSync(join(diff, 'mail'), { bigint: true })
  expect(Number(mail.mode & 0o7777n)).toBe(0o2775)
  expect(Number(mail.gid)).toBe(outside(8))
  expect(mail.mtimeNs).toBe(1_500_000_000_123_456_789n)
  expect(statSync(diff, { bigint: true }).mtimeNs).toBe(1_500_000_000_123_456_789n)
  expect(statSync(join(diff, 'mail/box'))).toMatchObject({ uid: outside(1000), gid: process.getgid?.() })
  expect(statSync(join(diff, 'su')).mode & 0o7777).toBe(0o4755)
  expect(statSync(join(diff, 'su2'))).toMatchObject({ ino: statSync(join(diff, 'su')).ino, nlink: 2 })
  expect(statSync(join(diff, 'closed')).mode & 0o7777).toBe(0)
  expect(lstatSync(join(diff, 's'))).toMatchObject({ uid: outside(7), mtimeMs: 1_500_000_000_123.4568 })
  expect(lstatSync(join(diff, 'pipe')).isFIFO()).toBe(true)
  expect(record.skippedDevices).toEqual(['null', 'zero', 'null2'])
  expect(record.skippedAttributes).toEqual(['trusted.x'])
  expect(record.impliedFolders).toEqual([])
})

test('what comes later in an archive takes the place of what was there', async () => {
  const { diff } = await unpackArchive(
    store,
    archive(
      directory('d'),
      [entry('d/inner'), 'x'],
      [entry('d'), 'now a file'],
      [entry('f'), 'x'],
      directory('f'),
      [entry('f/inner'), 'y'],
      [entry('twice'), 'first'],
      [entry('twice'), 'second'],
      directory('kept', { mode: 0o700 }),
      [entry('kept/inner'), 'z'],
      directory('kept', { mode: 0o711, uid: 5 }),
      hardLink('twice', 'twice'),
    ),
  )
  expect(readFileSync(join(diff, 'd'), 'utf8')).toBe('now a file')
  expect(readFileSync(join(diff, 'f/inner'), 'utf8')).toBe('y')
  expect(readFileSync(join(diff, 'twice'), 'utf8')).toBe('second')
  expect(statSync(join(diff, 'kept'))).toMatchObject({ uid: outside(5), mode: 0o40711 })
})

test('whiteouts and opaque folders hide what is below, and only that', async () => {
  const lower = await unpackArchive(
    store,
    archive(
      [entry('gone'), 'x'],
      directory('gonedir'),
      [entry('gonedir/x'), 'x'],
      [entry('stays'), 'x'],
      directory('opaque'),
      [entry('opaque/old'), 'x'],
      directory('again'),
      [entry('again/old'), 'x'],
      directory('file-then'),
      [entry('file-then/old'), 'x'],
      directory('implied'),
      [entry('implied/old'), 'x'],
    ),
  )
  const upper = await unpackArchive(
    store,
    archive(
      entry('.wh.gone'),
      entry('.wh.gonedir'),
      directory('opaque'),
      entry('opaque/.wh..wh..opq'),
      [entry('opaque/new'), 'y'],
      entry('.wh.again'),
      directory('again'),
      [entry('again/new'), 'y'],
      [entry('file-then'), 'y'],
      entry('.wh.file-then'),
      entry('.wh.implied'),
      [entry('implied/new'), 'y'],
      entry('.wh..wh.plnk'),
      entry('.wh.never-there'),
    ),
    { parent: lower.chainId },
  )
  const { graphRoot, openNamespace } = store
  const driver = overlayDriver({ graphRoot, mode: 'full', openNamespace })
  const request = {
    chain: [lower.chainId, upper.chainId],
    containerFolder: join(graphRoot, 'containers/whiteouts'),
    readOnly: false,
  }
  await driver.prepare(request)
  const files = await readRoot(store, driver.planRoot(request))
  expect([...files.keys()]).toEqual([
    '.',
    'again',
    'again/new',
    'file-then',
    'implied',
    'implied/new',
    'opaque',
    'opaque/new',
    'stays',
  ])
  expect(files.get('file-then')?.content).toBe('y')
})

test('folders that an archive leaves out keep what the layers below say of them', async () => {
  const time = { seconds: 1_400_000_000, nanoseconds: 5 }
  const lowest = await unpackArchive(
    store,
    archive(
      directory('tmp', { mode: 0o1777, modified: time }),
      directory('home', { mode: 0o711 }),
      directory('home/u', { uid: 1000, mode: 0o700 }),
    ),
  )
  const middle = await unpackArchive(store, archive(directory('home', { mode: 0o750 })), { parent: lowest.chainId })
  const { diff, record } = await unpackArchive(
    store,
    archive([entry('tmp/x'), 'x'], [entry('home/u/y'), 'y'], [entry('new/z'), 'z']),
    { parent: middle.chainId },
  )
  expect(record.impliedFolders).toEqual(['tmp', 'home', 'home/u', 'new'])
  expect(statSync(join(diff, 'tmp'))).toMatchObject({ mode: 0o41777, mtimeMs: 1_400_000_000_000 })
  expect(statSync(join(diff, 'home')).mode).toBe(0o40750)
  expect(statSync(join(diff, 'new')).mode).toBe(0o40755)
  const files = await readRoot(store, { calls: [], root: diff })
  expect(files.get('home/u')).toMatchObject({ uid: 1000, mode: 0o700 })
})

describe('compressed layers', () => {
  const content = Buffer.alloc(3_000_000, 'all work and no play ')
  const bytes = archive([entry('big'), content])
  test('gzip in several members, zstd in several frames', async () => {
    const halves = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]
    const gzip = await unpackArchive(store, bytes, {
      compression: 'gzip',
      packed: Buffer.concat(halves.map(half => gzipSync(half))),
    })
    expect(statSync(join(gzip.diff, 'big')).size).toBe(3_000_000)
    const zstd = await unpackArchive(store, bytes, {
      compression: 'zstd',
      parent: gzip.chainId,
      packed: Buffer.concat(halves.map(half => zstdCompressSync(half))),
    })
    expect(readFileSync(join(zstd.diff, 'big')).equals(content)).toBe(true)
  })
  const damaged: [string, Uint8Array, 'gzip' | 'zstd' | 'none'][] = [
    ['cut off gzip', gzipSync(bytes).subarray(0, 2000), 'gzip'],
    ['gzip with a changed byte', changed(gzipSync(bytes)), 'gzip'],
    ['cut off zstd', zstdCompressSync(bytes).subarray(0, 200), 'zstd'],
    ['plain bytes called gzip', bytes, 'gzip'],
    ['gzip called plain', gzipSync(bytes), 'none'],
    ['an archive without its end', bytes.subarray(0, 2_000_000), 'none'],
    ['other content', changed(bytes), 'none'],
    ['nothing', Buffer.alloc(0), 'none'],
  ]
  for (const [what, packed, compression] of damaged)
    test(`${what}: INVALID, and nothing stays`, async () => {
      const failure = await unpackArchive(store, bytes, { parent: chain('1'), compression, packed }).catch(
        (error: unknown) => error,
      )
      expect(failure).toMatchObject({ code: 'INVALID' })
      expect(readdirSync(join(store.graphRoot, 'tmp'))).toEqual([])
    })
})

function changed(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes)
  const middle = copy.byteLength >> 1
  copy[middle] = (copy[middle] ?? 0) ^ 0xff
  return copy
}

test('two processes unpack one layer at once: both succeed, one layer is there', async () => {
  const bytes = archive([entry('same'), 'x'])
  const both = await Promise.all([unpackArchive(store, bytes), unpackArchive(store, bytes)])
  expect(both[0]?.diff).toBe(both[1]?.diff)
  expect(readdirSync(both[0]?.diff ?? '')).toEqual(['same'])
  expect(readdirSync(join(store.graphRoot, 'tmp'))).toEqual([])
})

test('a layer that was given up leaves nothing, whatever had arrived', async () => {
  const { graphRoot, openNamespace } = store
  const layers = openLayerStore({ graphRoot, mode: 'full', openNamespace })
  {
    await using unpack = await layers.unpack({
      chainId: chain('2'),
      parent: undefined,
      diffId: digestOf('2'.padStart(64, '0')),
      compression: 'none',
    })
    await unpack.write(archive([entry('x', { uid: 1000 }), 'x']).subarray(0, 600))
  }
  expect(readdirSync(join(graphRoot, 'tmp'))).toEqual([])
  expect(layers.has(chain('2'))).toBe(false)
})

test('what a dead process left is swept; what a living one holds is not', async () => {
  const { graphRoot, openNamespace } = store
  const layers = openLayerStore({ graphRoot, mode: 'full', openNamespace })
  await using held = await layers.unpack({
    chainId: chain('3'),
    parent: undefined,
    diffId: digestOf('3'.padStart(64, '0')),
    compression: 'none',
  })
  void held
  mkdirSync(join(graphRoot, 'tmp/stage-layer-dead/layer/diff'), { recursive: true })
  writeFileSync(join(graphRoot, 'tmp/stage-layer-dead.lock'), '')
  writeFileSync(join(graphRoot, 'tmp/stage-layer-alone.lock'), '')
  mkdirSync(join(graphRoot, 'tmp/trash-x'))
  const removed = await sweepStaging(graphRoot, openNamespace)
  expect(removed.length).toBe(2)
  expect(readdirSync(join(graphRoot, 'tmp')).length).toBe(2) // the held folder and its lock
})

test('an owner that cannot be mapped is an error that says so', async () => {
  const failure = await unpackArchive(store, archive(entry('x', { uid: 4_000_000 }))).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'DENIED', message: expect.stringContaining('it belongs to uid 4000000') })
})

needs('user', 'userns')('with one single id, owners are recorded instead of given', async () => {
  await using single = await openTestStore(singleWish())
  const bytes = archive(directory('home', { uid: 1000, gid: 1000 }), [
    entry('home/x', { uid: 1000, mode: 0o4755 }),
    'x',
  ])
  const { diff, record } = await unpackArchive(single, bytes, { mode: 'single' })
  expect(diff).toContain('layers-single')
  expect(record.hasOwners).toBe(true)
  expect(
    readFileSync(join(diff, '../owners'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as unknown),
  ).toEqual([
    { path: 'home', uid: 1000, gid: 1000 },
    { path: 'home/x', uid: 1000, gid: 0 },
  ])
})
