// What every storage driver must do, run against each of them.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '#host/helper-programs.ts'
import type { ChainId } from '#oci/digest.ts'
import { copyDriver } from '#storage/copy.ts'
import type { DriverPlace, RootRequest, StorageDriver } from '#storage/driver.ts'
import { fuseOverlayDriver } from '#storage/fuse-overlayfs.ts'
import { overlayDriver } from '#storage/overlay.ts'
import { pickStorageDriver } from '#storage/pick-driver.ts'
import { call } from '#sys/servant/batch.ts'
import { type Need, needs } from '#test/needs.ts'
import { archive, entry } from '#test/unit/image/_tar.ts'
import { actInRoot, fullWish, openTestStore, readRoot, type TestStore, unpackArchive } from './_store.ts'

let store: TestStore
let place: DriverPlace
const layers: ChainId[] = []

beforeAll(async () => {
  const wish = fullWish()
  if (wish === undefined) return
  store = await openTestStore(wish)
  place = { graphRoot: store.graphRoot, mode: 'full', openNamespace: store.openNamespace }
  const directory = (path: string, more = {}) => entry(path, { type: 'directory', ...more })
  const lower = await unpackArchive(
    store,
    archive(
      directory('./', { mode: 0o751, uid: 12, gid: 13 }),
      directory('etc'),
      [entry('etc/a', { uid: 1000, gid: 2000, mode: 0o2711 }), 'below'],
      [entry('etc/gone'), 'x'],
      [entry('caps', { attributes: new Map([['user.note', Buffer.from('kept')]]) }), 'x'],
      entry('caps2', { type: 'link', linkPath: 'caps' }),
      directory('opaque'),
      [entry('opaque/old'), 'x'],
      entry('link', { type: 'symlink', linkPath: '/etc', uid: 5 }),
    ),
  )
  const upper = await unpackArchive(
    store,
    archive(
      directory('./', { mode: 0o751, uid: 12, gid: 13 }),
      directory('etc'),
      entry('etc/.wh.gone'),
      [entry('etc/a', { uid: 1 }), 'above'],
      directory('opaque'),
      entry('opaque/.wh..wh..opq'),
    ),
    { parent: lower.chainId },
  )
  layers.push(lower.chainId, upper.chainId)
})
afterAll(async () => await store?.[Symbol.asyncDispose]())

const drivers: [StorageDriver['name'], Need[], () => StorageDriver][] = [
  ['overlay', ['user', 'userns', 'subids', 'overlay'], () => overlayDriver(place)],
  [
    'fuse-overlayfs',
    ['user', 'userns', 'subids', 'fuse'],
    () => fuseOverlayDriver(place, findProgram('fuse-overlayfs') ?? ''),
  ],
  ['copy', ['user', 'userns', 'subids'], () => copyDriver(place)],
]

let many: ChainId[] = []

/** 127 small layers, made once. */
async function manyLayers(): Promise<ChainId[]> {
  for (let index = many.length; index < 127; index++)
    many = [...many, (await unpackArchive(store, archive([entry(`f${index}`), 'x']), { parent: many.at(-1) })).chainId]
  return many
}

for (const [name, wanted, open] of drivers) {
  const test = needs(...wanted)
  const request = (what: string, chain: readonly ChainId[] = layers, readOnly = false): RootRequest => ({
    chain,
    containerFolder: join(place.graphRoot, 'containers', `${name}-${what}`),
    readOnly,
  })
  describe(name, () => {
    for (const readOnly of [false, true])
      test(`shows the merged layers${readOnly ? ', for reading' : ''}`, async () => {
        const asked = request(`merged-${readOnly}`, layers, readOnly)
        const driver = open()
        await driver.prepare(asked)
        const files = await readRoot(store, driver.planRoot(asked))
        expect([...files.keys()]).toEqual(['.', 'caps', 'caps2', 'etc', 'etc/a', 'link', 'opaque'])
        expect(files.get('.')).toMatchObject({ mode: 0o751, uid: 12, gid: 13 })
        expect(files.get('etc/a')).toMatchObject({ content: 'above', uid: 1, gid: 0, mode: 0o644 })
        expect(files.get('caps')?.attributes?.get('user.note')?.toString()).toBe('kept')
        expect(files.get('caps2')).toMatchObject({ type: 'link', linkPath: 'caps' })
        expect(files.get('link')).toMatchObject({ type: 'symlink', linkPath: '/etc', uid: 5 })
      })

    test('shows nothing for an image without layers', async () => {
      const asked = request('empty', [])
      const driver = open()
      await driver.prepare(asked)
      expect([...(await readRoot(store, driver.planRoot(asked))).keys()]).toEqual(['.'])
    })

    test('stacks 127 layers', async () => {
      const chain = await manyLayers()
      const asked = request('many', chain)
      const driver = open()
      await driver.prepare(asked)
      expect((await readRoot(store, driver.planRoot(asked))).size).toBe(128)
    }, 120_000)
  })
}

for (const isDiscarded of [false, true])
  needs(
    'user',
    'userns',
    'subids',
    'overlay',
  )(
    `overlay keeps what was written apart from the layers${isDiscarded ? ', without a word to the disk' : ''}`,
    async () => {
      const driver = overlayDriver(place)
      const layer = await unpackArchive(
        store,
        archive(entry('etc', { type: 'directory' }), [entry('etc/a'), 'below'], [entry('other'), 'x']),
      )
      const asked = {
        chain: [layer.chainId],
        containerFolder: join(place.graphRoot, `containers/written-${isDiscarded}`),
        readOnly: false,
        isDiscarded,
      }
      await driver.prepare(asked)
      const plan = driver.planRoot(asked)
      expect(JSON.stringify(plan.calls).includes(',volatile"')).toBe(isDiscarded)
      actInRoot(store, plan, [call('unlinkat', -100, 'etc/a', 0), call('mkdirat', -100, 'new', 0o700)])
      const files = await readRoot(store, plan) // mounted a second time
      expect(files.has('etc/a')).toBe(false)
      expect(files.has('new')).toBe(true)
      expect(readdirSync(join(asked.containerFolder, 'upper')).toSorted()).toEqual(['etc', 'new'])
      expect(statSync(join(layer.diff, 'etc/a')).size).toBe(5)
    },
  )

needs(
  'user',
  'userns',
  'subids',
  'overlay',
)('overlay refuses more layers than a page of options holds', () => {
  const chain = Array.from({ length: 250 }, (_, index) => `sha256:${index.toString(16).padStart(64, '0')}` as ChainId)
  const asked = { chain, containerFolder: join(place.graphRoot, 'containers/too-many'), readOnly: false }
  expect(() => overlayDriver(place).planRoot(asked)).toThrow(/250 layers, overlay can be mounted with 1[78]\d/)
})

needs(
  'user',
  'userns',
  'subids',
  'overlay',
)('the driver is picked by trying, and remembered', async () => {
  let kept: Record<string, { driver: string; reasons: string[] }> = {}
  const remember = async (found: typeof kept) => {
    kept = found
  }
  const first = await pickStorageDriver({ ...place, remembered: undefined, remember })
  expect(first.driver.name).toBe('overlay')
  expect(Object.values(kept)).toEqual([{ driver: 'overlay', reasons: [] }])
  const [key = ''] = Object.keys(kept)
  const again = await pickStorageDriver({
    ...place,
    remembered: { [key]: { driver: 'copy', reasons: ['told so'] } },
    remember,
  })
  expect(again).toMatchObject({ driver: { name: 'copy' }, reasons: ['told so'] })
})
