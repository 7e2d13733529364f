// Images among themselves and with containers: families, filters, and which layers must stay.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, unlinkSync } from 'node:fs'
import type { ImageFilter } from '#engine/contracts/image.ts'
import { ImageFamilies } from '#engine/image/family.ts'
import { filterImages } from '#engine/image/filter.ts'
import { sweepLayers } from '#engine/image/layers-in-use.ts'
import { blobPath } from '#image/blobs.ts'
import { openLease } from '#image/lease.ts'
import { chainOf, TestStore } from '#test/unit/engine/_store.ts'

let store: TestStore
beforeEach(() => {
  store = new TestStore()
})
afterEach(() => store[Symbol.dispose]())

async function names(...filters: ImageFilter[]): Promise<string[]> {
  const found = await filterImages(store.engine, store.images.list(), filters)
  return found.map(image => image.names[0] ?? 'nameless').toSorted()
}

test('an image is the child of one whose layers and history it begins with', async () => {
  const base = await store.image(undefined, ['one'])
  const middle = await store.image(undefined, ['one', 'two'])
  const top = await store.image('localhost/top:latest', ['one', 'two', 'three'])
  const other = await store.image('localhost/other:latest', ['two', 'one'])
  const families = new ImageFamilies(store.images)
  expect(
    families
      .childrenOf(base)
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual([middle.id, top.id].toSorted())
  expect([top, middle, base, other].map(image => families.parentOf(image)?.id)).toEqual([
    middle.id,
    base.id,
    undefined,
    undefined,
  ])
})

test('reference filters match names with and without registry, library and tag', async () => {
  await store.image('docker.io/library/alpine:3.19', ['a'])
  await store.image('localhost/mine:latest', ['b'])
  const reference = (value: string): ImageFilter => ({ key: 'reference', value })
  for (const value of [
    'alpine',
    'alpine:3.19',
    'library/alpine',
    'docker.io/library/alpine:3.19',
    'al*',
    'a?pine',
    'docker.io/*/alpine',
    '[ab]lpine',
  ])
    expect({ value, names: await names(reference(value)) }).toEqual({ value, names: ['docker.io/library/alpine:3.19'] })
  for (const value of ['alp', 'alpine:latest', 'lpine', 'docker.io/*'])
    expect({ value, names: await names(reference(value)) }).toEqual({ value, names: [] })
  expect(await names(reference('alpine'), reference('mine'))).toHaveLength(2)
  expect(names(reference('[z-a]'))).rejects.toThrow('is no pattern')
})

test('images are filtered by label, age, use and being nameless', async () => {
  await store.image('localhost/old:latest', ['a'], { tier: 'front' })
  const middle = await store.image('localhost/middle:latest', ['b'])
  await store.image(undefined, ['c'])
  await store.container('user', { image: { id: middle.id, digest: middle.digest, name: 'middle' } })
  expect(await names({ key: 'label', name: 'tier', value: 'front', not: false })).toEqual(['localhost/old:latest'])
  expect(await names({ key: 'label', name: 'tier', not: true })).toEqual(['localhost/middle:latest', 'nameless'])
  expect(await names({ key: 'before', value: 'middle' })).toEqual(['localhost/old:latest'])
  expect(await names({ key: 'since', value: 'middle' })).toEqual(['nameless'])
  expect(await names({ key: 'until', beforeMs: middle.createdMs })).toEqual(['localhost/old:latest'])
  expect(await names({ key: 'containers', value: true })).toEqual(['localhost/middle:latest'])
  expect(await names({ key: 'dangling', value: true })).toEqual(['nameless'])
  expect(await names({ key: 'id', value: middle.id.slice(0, 8) })).toEqual(['localhost/middle:latest'])
  expect(await names({ key: 'digest', value: middle.digest.slice(0, 20) })).toEqual(['localhost/middle:latest'])
})

test('a sweep removes the layers that nothing needs, and no others', async () => {
  await store.image('localhost/kept:latest', ['one', 'two'])
  const [below, above] = chainOf(['x', 'y'])
  const [leased, unused, young] = [chainOf(['leased'])[0], chainOf(['unused'])[0], chainOf(['young'])[0]]
  if (!below || !above || !leased || !unused || !young) throw new Error('no chain')
  const container = [store.layer(below), store.layer(above, below)]
  await store.container('user', { layer: above }) // its image is gone
  const others = [store.layer(leased), store.layer(young)]
  await using lease = await openLease(store.graphRoot)
  await lease.protect([leased])
  const gone = store.layer(unused)
  const swept = await sweepLayers(store.engine)
  expect(swept.map(({ chainId }) => chainId).toSorted()).toEqual([unused, young].toSorted())
  expect(existsSync(gone)).toBe(false)
  expect([...container, others[0] ?? ''].map(existsSync)).toEqual([true, true, true])
  for (const chainId of chainOf(['one', 'two'])) expect(existsSync(store.layer(chainId))).toBe(true)
})

test('a sweep spares what it is told to', async () => {
  const [unused] = chainOf(['unused'])
  const folder = store.layer(unused as NonNullable<typeof unused>)
  expect(await sweepLayers(store.engine, ({ createdMs }) => createdMs < Date.now() - 60_000)).toEqual([])
  expect(existsSync(folder)).toBe(true)
})

test('nothing is swept while an image or a container cannot be read', async () => {
  const [unused] = chainOf(['unused'])
  const folder = store.layer(unused as NonNullable<typeof unused>)
  const damaged = await store.container('damaged')
  store.damage(damaged)
  expect(await sweepLayers(store.engine)).toEqual([])
  using second = new TestStore()
  const image = await second.image('localhost/broken:latest', ['a'])
  const layer = second.layer(unused as NonNullable<typeof unused>)
  unlinkSync(blobPath(second.graphRoot, image.digest))
  expect(await sweepLayers(second.engine)).toEqual([])
  expect([folder, layer].map(existsSync)).toEqual([true, true])
})
