import { expect, test } from 'bun:test'
import { addEntry, removeNames } from '#image/index-edits.ts'
import { annotation, type IndexEntry } from '#image/layout.ts'
import { chooseRival, entriesFor, lookupImage } from '#image/lookup.ts'
import { imagesOf, type StoredImage } from '#image/stored-image.ts'
import type { Digest } from '#oci/digest.ts'

const digestOf = (letter: string) => `sha256:${letter.repeat(64)}` as unknown as Digest
const put = (entries: IndexEntry[], letter: string, ...names: string[]) =>
  addEntry(entries, {
    descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(letter), size: 1 },
    annotations: { [annotation.id]: `${letter}0`.repeat(32), [annotation.pulledAs]: digestOf('9') },
    names,
  })
const images = (entries: IndexEntry[]) => imagesOf('/nowhere', entries)
const shown = (entries: IndexEntry[]) => images(entries).map(({ id, names }) => [id[0], ...names])

test('a name that moves leaves a nameless image that remembers it', () => {
  const before = put(put([], 'a', 'q.io/x:1', 'q.io/x:2'), 'b', 'q.io/x:1')
  expect(shown(before)).toEqual([
    ['a', 'q.io/x:2'],
    ['b', 'q.io/x:1'],
  ])
  const after = put(before, 'b', 'q.io/x:2')
  expect(shown(after)).toEqual([['a'], ['b', 'q.io/x:1', 'q.io/x:2']])
  expect(images(after)[0]).toMatchObject({ dangling: true, formerNames: ['q.io/x:2'] })
})

test('naming a nameless image makes it no second one, and removing its last name keeps it', () => {
  const nameless = put([], 'a')
  expect(nameless).toHaveLength(1)
  const named = put(nameless, 'a', 'q.io/x:1')
  expect(shown(named)).toEqual([['a', 'q.io/x:1']])
  const again = removeNames(named, ['q.io/x:1'])
  expect([shown(again), images(again)[0]?.dangling]).toEqual([[['a']], true])
  expect(put(again, 'a')).toHaveLength(1)
})

const idOf = (found: ReturnType<typeof lookupImage>) =>
  found === undefined ? undefined : 'image' in found ? found.image.id[0] : found.rivals.length

test('lookupImage() finds by name, short name, digest, id and the beginning of an id', () => {
  const all = images(
    put(put(put([], 'a', 'docker.io/library/alpine:latest'), 'b', 'q.io/team/tool:1'), 'c', `r.io/z@${digestOf('8')}`),
  )
  const find = (text: string) => idOf(lookupImage(all, text))
  const found = ['alpine', 'docker.io/alpine:latest', 'library/alpine', 'tool:1', 'team/tool:1', 'q.io/team/tool:1']
  expect(found.map(find)).toEqual(['a', 'a', 'a', 'b', 'b', 'b'])
  const missing = ['lpine', 'tool', 'q.io/tool:1', 'alpine:2', 'q.io/alpine', 'dddd']
  expect(missing.map(find)).toEqual(missing.map(() => undefined))
  const byDigest = [
    `alpine@${digestOf('a')}`,
    `alpine@${digestOf('9')}`,
    `alpine:7@${digestOf('a')}`,
    `r.io/z@${digestOf('8')}`,
    digestOf('b'),
  ]
  expect(byDigest.map(find)).toEqual(['a', 'a', 'a', 'c', 'b'])
  expect(['b0b0', 'sha256:b0', 'b0'.repeat(32), `sha256:${'b0'.repeat(32)}`].map(find)).toEqual(['b', 'b', 'b', 'b'])
  expect(find(`alpine@${digestOf('b')}`)).toBeUndefined()
})

test('entriesFor() keeps whatever lookupImage() would find, with all its names, and little else', () => {
  const entries = put(
    put(put([], 'a', 'docker.io/library/alpine:latest', 'q.io/other:9'), 'b', 'q.io/team/tool:1'),
    'c',
    `r.io/z@${digestOf('8')}`,
  )
  const names = [
    'alpine',
    'alpine:latest',
    'docker.io/alpine',
    'localhost:5000/tool',
    'tool:1',
    `alpine@${digestOf('9')}`,
    'a0',
    digestOf('c'),
    'b0'.repeat(32),
    'z',
    'q',
  ]
  for (const text of names) {
    const few = images(entriesFor(entries, text))
    expect(lookupImage(few, text)).toEqual(lookupImage(images(entries), text))
  }
  expect(entriesFor(entries, 'alpine').map(({ digest }) => digest)).toEqual([digestOf('a'), digestOf('a')])
  expect(entriesFor(entries, 'nothing')).toEqual([])
})

test('a name wins over the beginning of an id; an ambiguous beginning is refused', () => {
  const all = images(put(put([], 'a', 'q.io/x:1'), 'b', 'q.io/a0:latest'))
  expect(idOf(lookupImage(all, 'a0'))).toBe('b')
  const similar: StoredImage[] = all.map((image, index) => ({ ...image, id: `f00${index}`.padEnd(64, '0') }))
  expect(() => lookupImage(similar, 'f00')).toThrow('"f00" is the beginning of 2 image ids')
})

test('a short name of several images is decided by the order of registries', () => {
  const all = images(put(put([], 'a', 'q.io/tool:latest'), 'b', 'docker.io/library/tool:latest'))
  const found = lookupImage(all, 'tool')
  if (found === undefined || !('rivals' in found)) throw new Error('no rivals')
  expect(chooseRival(found.rivals, ['localhost/tool', 'docker.io/library/tool', 'q.io/tool'], 'tool').image.id[0]).toBe(
    'b',
  )
  expect(() => chooseRival(found.rivals, ['x.io/tool'], 'tool')).toThrow('"tool" is short for 2 images')
})
