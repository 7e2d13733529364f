// The local layout as commands leave it: names, removal, sweeps, damage. Host namespaces.
import { expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blobPath } from '#image/blobs.ts'
import { chainsInUse, collectGarbage } from '#image/garbage.ts'
import { checkImages } from '#image/integrity.ts'
import { annotation, readIndex, writeIndex } from '#image/layout.ts'
import { openLease } from '#image/lease.ts'
import { ImageStore } from '#image/store.ts'
import { unpackStoredImage } from '#image/stored-source.ts'
import { FakeRegistry } from './fake-registry.ts'
import { failureOf, PullSetup, tarOf } from './pull-setup.ts'
import { RecordingLayers } from './recording-layers.ts'

/** Two images that share their lowest layer. */
async function openSetup() {
  const setup = new PullSetup()
  await using registry = await FakeRegistry.open()
  const base = tarOf(3000)
  const first = registry.putImage('x', '1', [base, tarOf(100)])
  const second = registry.putImage('x', '2', [base, tarOf(200)])
  for (const tag of ['1', '2']) await setup.pull(`${registry.host}/x:${tag}`)
  return { setup, store: setup.store, host: registry.host, first, second }
}

const shown = (store: ImageStore) => store.list().map(({ names }) => names.join(' '))

test('removing an image keeps the blobs that another one needs', async () => {
  const { setup, store, host, first, second } = await openSetup()
  using _setup = setup
  const { image } = await store.resolve(`${host}/x:1`)
  const { freedBytes } = await store.remove(image)
  expect(shown(store)).toEqual([`${host}/x:2`])
  expect([...first.layers, ...second.layers].map(({ digest }) => existsSync(blobPath(store.root, digest)))).toEqual([
    true,
    false,
    true,
    true,
  ])
  expect(freedBytes).toBeGreaterThan(100)
  const left = await store.resolve(`${host}/x:2`)
  expect(store.open(left.image).chain).toHaveLength(2)
  expect((await chainsInUse(store.root)).chains).toEqual(new Set<string>(store.open(left.image).chain))
})

test('tags: short ones are local, names move, and unknown images are refused in the known words', async () => {
  const { setup, store, host } = await openSetup()
  using _setup = setup
  const { image } = await store.resolve(`${host}/x:1`)
  expect(await store.tag(image, ['mine', 'q.io/mine:1'])).toEqual(['localhost/mine:latest', 'q.io/mine:1'])
  expect((await store.resolve('mine')).image.id).toBe(image.id)
  const other = (await store.resolve(`${host}/x:2`)).image
  await store.tag(other, ['mine'])
  expect((await store.resolve('mine')).image.id).toBe(other.id)
  await store.untag(['q.io/mine:1', `${host}/x:1`])
  expect(store.list().find(({ id }) => id === image.id)).toMatchObject({ dangling: true, names: [] })
  expect(await failureOf(store.resolve('nosuch'))).toMatchObject({
    code: 'NOT_FOUND',
    message: 'nosuch: image not known',
  })
})

test('a sweep removes old orphans, and neither fresh ones nor what a lease protects', async () => {
  const { setup, store, first } = await openSetup()
  using _setup = setup
  const orphan = (letter: string) => join(store.root, 'blobs/sha256', letter.repeat(64))
  const long = new Date(Date.now() - 3 * 3600_000)
  for (const letter of ['a', 'b', 'c']) writeFileSync(orphan(letter), 'x'.repeat(50))
  for (const letter of ['a', 'b']) utimesSync(orphan(letter), long, long)
  for (const { digest } of first.layers) utimesSync(blobPath(store.root, digest), long, long)
  writeFileSync(join(store.root, 'tmp/leases/1-dead'), `sha256:${'a'.repeat(64)}\n`)
  {
    await using lease = await openLease(store.root)
    await lease.protect([`sha256:${'b'.repeat(64)}` as never])
    expect((await collectGarbage(store.root)).freedBytes).toBe(50)
    expect(['a', 'b', 'c'].map(letter => existsSync(orphan(letter)))).toEqual([false, true, true])
  }
  await collectGarbage(store.root)
  expect(existsSync(orphan('b'))).toBe(false)
  expect(setup.files('tmp/leases')).toEqual([])
  expect(await checkImages(store.root, { quick: false, repair: false })).toEqual([])
})

test('nothing is swept while a manifest cannot be read', async () => {
  const { setup, store, host, first, second } = await openSetup()
  using _setup = setup
  rmSync(blobPath(store.root, second.manifestDigest))
  await store.remove((await store.resolve(`${host}/x:1`)).image)
  expect(existsSync(blobPath(store.root, first.layers[1]?.digest as never))).toBe(true)
})

test('a check finds a missing, a shortened and a changed blob, and a repair takes only such images away', async () => {
  const { setup, store, host, first } = await openSetup()
  using _setup = setup
  const own = blobPath(store.root, first.layers[1]?.digest as never)
  const bytes = readFileSync(own)
  const problem = async (quick: boolean) =>
    (await checkImages(store.root, { quick, repair: false })).map(each => each.problem.replace(/sha256:\w+/g, 'D'))
  writeFileSync(own, Buffer.from(bytes).fill(0, 0, 4))
  expect([await problem(true), await problem(false)]).toEqual([[], ['layer D has the digest D']])
  writeFileSync(own, bytes.subarray(1))
  expect(await problem(true)).toEqual([`layer D has ${bytes.byteLength - 1} bytes, must have ${bytes.byteLength}`])
  rmSync(own)
  expect(await problem(true)).toEqual(['layer D is missing'])
  expect(await checkImages(store.root, { quick: true, repair: true })).toMatchObject([
    { id: `${host}/x:1`, repaired: true },
  ])
  expect([shown(store), await problem(false)]).toEqual([[`${host}/x:2`], []])
})

test('a damaged index is refused with what mends it, and rebuilt from the blobs', async () => {
  const { setup, store, first, second } = await openSetup()
  using _setup = setup
  writeFileSync(join(store.root, 'index.json'), '{"manifests": [{"digest": 5}]}')
  expect(() => store.list()).toThrow('manifests[0]')
  await checkImages(store.root, { quick: true, repair: true })
  expect(
    store
      .list()
      .map(({ digest }) => digest)
      .sort(),
  ).toEqual([first.manifestDigest, second.manifestDigest].sort())
})

test('entries that another tool wrote are images too', async () => {
  const { setup, store, host } = await openSetup()
  using _setup = setup
  const before = store.list()
  const foreign = readIndex(store.root).map(({ mediaType, digest, size, annotations = {} }) => ({
    mediaType,
    digest,
    size,
    annotations: { [annotation.name]: annotations[annotation.name] ?? '' },
  }))
  writeIndex(store.root, [
    ...foreign,
    { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${'e'.repeat(64)}` as never, size: 5 },
  ])
  const after = store.list()
  expect(after.map(({ id, names, os }) => [id, names, os])).toEqual(before.map(({ id, names, os }) => [id, names, os]))
  expect((await store.resolve(`${host}/x:2`)).name).toBe(`${host}/x:2`)
})

test('a store that is not there is empty, and one that cannot be written says so', async () => {
  const { setup, store } = await openSetup()
  using _setup = setup
  expect(new ImageStore(join(setup.folder, 'none')).list()).toEqual([])
  expect(existsSync(join(setup.folder, 'none'))).toBe(false)
  if (process.getuid?.() === 0) return // whom permissions do not stop
  chmodSync(store.root, 0o500)
  const { image } = { image: store.list()[0] as never }
  expect((await failureOf(store.tag(image, ['y']))).message).toContain(`writing "${store.root}/index.json": EACCES`)
  chmodSync(store.root, 0o700)
  expect(statSync(store.root).mode & 0o777).toBe(0o700)
})

test('layers that are gone are unpacked again from the stored blobs, unless those are damaged', async () => {
  const { setup, store, host, first } = await openSetup()
  using _setup = setup
  const { image } = await store.resolve(`${host}/x:1`)
  const signal = new AbortController().signal
  const layers = new RecordingLayers()
  const again = await unpackStoredImage(image, { store, layers, parallel: 2, onProgress: () => undefined, signal })
  expect([again?.names, layers.committed.size]).toEqual([[`${host}/x:1`], 2])
  const path = blobPath(store.root, first.layers[1]?.digest as never)
  writeFileSync(path, readFileSync(path).fill(0, 10, 20))
  const empty = new RecordingLayers()
  const notes: string[] = []
  const onProgress = (event: { kind: string; text?: string }) =>
    void (event.kind === 'note' && notes.push(event.text ?? ''))
  expect(await unpackStoredImage(image, { store, layers: empty, parallel: 2, onProgress, signal })).toBeUndefined()
  expect([notes.length, existsSync(path), empty.open]).toEqual([1, false, 0])
})
