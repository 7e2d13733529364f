// Which containers a verb is for: names, prefixes, filters, states.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { type ContainerId, type ContainerRecord, containerDir, type RecordedMount } from '#container/record.ts'
import { filterContainers } from '#engine/container/filter.ts'
import { findOne, selectContainers } from '#engine/container/select.ts'
import { surveyContainers, surveyRunning } from '#engine/container/survey.ts'
import type { ContainerFilter, Selection } from '#engine/contracts/container.ts'
import { TestStore } from '#test/unit/engine/_store.ts'

let store: TestStore
beforeEach(() => {
  store = new TestStore()
})
afterEach(() => store[Symbol.dispose]())

const nobody: Selection = { names: [], all: false, filters: [], ignoreMissing: false }
const idOf = (digit: string) => digit.repeat(64) as ContainerId

async function names(...filters: ContainerFilter[]): Promise<string[]> {
  const found = await filterContainers(store.engine, surveyContainers(store.engine), filters)
  return found.map(({ record }) => record?.name ?? 'damaged').toSorted()
}

test('a container is found by name, id and prefix; latest is the one created last', async () => {
  const web = await store.container('web', { id: idOf('a') })
  const last = await store.container('aaa', { id: idOf('b') })
  expect([findOne(store.engine, 'web'), findOne(store.engine, 'aa'), findOne(store.engine, web.id)]).toEqual([
    web.id,
    web.id,
    web.id,
  ])
  expect(findOne(store.engine, 'aaa')).toBe(last.id) // a name wins over a prefix
  expect(findOne(store.engine, { latest: true })).toBe(last.id)
})

test('without containers latest is an error', () => {
  expect(() => findOne(store.engine, { latest: true })).toThrow('no containers found')
})

test('what was not found is an entry of its own, once, unless it is to be ignored', async () => {
  const web = await store.container('web')
  const selection = { ...nobody, names: ['web', 'nobody', web.id] }
  const chosen = await selectContainers(store.engine, selection)
  expect(chosen).toEqual([
    { input: 'web', id: web.id },
    { input: 'nobody', error: expect.objectContaining({ code: 'NOT_FOUND' }) },
  ])
  expect(await selectContainers(store.engine, { ...selection, ignoreMissing: true })).toHaveLength(1)
})

test('an ambiguous prefix is an error even where missing ones are ignored', async () => {
  await store.container('one', { id: `1${'0'.repeat(63)}` as ContainerId })
  await store.container('two', { id: `1${'1'.repeat(63)}` as ContainerId })
  const [chosen] = await selectContainers(store.engine, { ...nobody, names: ['1'], ignoreMissing: true })
  expect(chosen).toMatchObject({ error: { code: 'CONFLICT' } })
})

test('all means those that fit the verb, newest first; filters choose among them', async () => {
  const first = await store.container('first', { labels: { app: 'web' } })
  const second = await store.container('second')
  store.run(second)
  const all = { ...nobody, all: true }
  expect((await selectContainers(store.engine, all)).map(one => 'id' in one && one.id)).toEqual([second.id, first.id])
  const running = await selectContainers(store.engine, all, ({ isRunning }) => isRunning)
  expect(running).toEqual([{ input: second.id, id: second.id }])
  const filters: ContainerFilter[] = [{ key: 'label', name: 'app', not: false }]
  expect(await selectContainers(store.engine, { ...nobody, filters })).toEqual([{ input: first.id, id: first.id }])
})

test('of filters with one key any matches, of different keys and of labels all', async () => {
  await store.container('web1', { labels: { app: 'web', tier: 'front' } })
  await store.container('web2', { labels: { app: 'web' } })
  await store.container('db', { labels: { app: 'db' } })
  const label = (name: string, value?: string, not = false): ContainerFilter =>
    value === undefined ? { key: 'label', name, not } : { key: 'label', name, value, not }
  const named = (value: string): ContainerFilter => ({ key: 'name', value })
  expect(await names(named('web1'), named('db'))).toEqual(['db', 'web1'])
  expect(await names(named('web'), label('tier'))).toEqual(['web1'])
  expect(await names(label('app', 'web'), label('tier', 'front'))).toEqual(['web1'])
  expect(await names(label('app', 'web', true))).toEqual(['db'])
  expect(await names(named('^web.$'))).toEqual(['web1', 'web2'])
  expect(names(named('('))).rejects.toThrow('is no pattern')
})

test('filters by state, exit code, time and neighbours', async () => {
  const old = await store.container('old')
  const running = await store.container('running')
  const failed = await store.container('failed')
  store.run(running)
  store.run(failed)
  store.exit(failed, 3)
  expect(await names({ key: 'status', status: 'running' })).toEqual(['running'])
  expect(await names({ key: 'status', status: 'created' }, { key: 'status', status: 'exited' })).toEqual([
    'failed',
    'old',
  ])
  expect(await names({ key: 'exited', code: 3 })).toEqual(['failed'])
  expect(await names({ key: 'exited', code: 0 })).toEqual([])
  expect(await names({ key: 'before', value: 'running' })).toEqual(['old'])
  expect(await names({ key: 'since', value: old.id.slice(0, 12) })).toEqual(['failed', 'running'])
  expect(await names({ key: 'until', beforeMs: running.createdMs })).toEqual(['old'])
  expect(names({ key: 'before', value: 'nobody' })).rejects.toThrow('no such container')
})

test('filters by volume, network and image', async () => {
  const base = await store.image('docker.io/library/base:latest', ['one'])
  const derived = await store.image('localhost/derived:latest', ['one', 'two'])
  const imageOf = (image: { id: string; digest: string; names: string[] }) => ({
    image: { id: image.id, digest: image.digest, name: image.names[0] ?? '' },
  })
  const mount: RecordedMount = {
    type: 'volume',
    name: 'data',
    source: '/v/data',
    destination: '/d',
    readWrite: true,
    options: [],
  }
  await store.container('a', { ...imageOf(base), mounts: [mount] })
  await store.container('b', { ...imageOf(derived), network: { kind: 'host' } })
  for (const value of ['data', '/d', '/v/data']) expect(await names({ key: 'volume', value })).toEqual(['a'])
  await store.container('c', { network: { kind: 'networks', networks: [{ name: 'bridge', aliases: [] }] } })
  expect(await names({ key: 'network', value: 'host' })).toEqual(['b'])
  for (const value of ['bridge', 'podman', '2f259bab93aa'])
    expect(await names({ key: 'network', value })).toEqual(['c'])
  expect(await names({ key: 'ancestor', value: 'base' })).toEqual(['a', 'b'])
  expect(await names({ key: 'ancestor', value: 'derived' })).toEqual(['b'])
  expect(await names({ key: 'ancestor', value: 'nobody' })).toEqual([])
})

test('a damaged record is seen as unknown, a folder that vanishes not at all', async () => {
  const damaged = await store.container('damaged')
  const gone = await store.container('gone')
  store.damage(damaged)
  const survey = surveyContainers(store.engine)
  rmSync(containerDir(store.graphRoot, gone.id), { recursive: true })
  expect(survey.find(({ id }) => id === damaged.id)?.status).toBe('unknown')
  expect(surveyContainers(store.engine).map(({ id }) => id)).toEqual([damaged.id])
  expect(await names({ key: 'status', status: 'unknown' })).toEqual(['damaged'])
  expect(await names({ key: 'name', value: '' })).toEqual([])
})

test('running containers are those whose process lives, whatever the index of running ones says', async () => {
  const all: ContainerRecord[] = []
  for (const name of ['created', 'running', 'exited', 'damaged', 'removed']) all.push(await store.container(name))
  const [, running, exited, damaged, removed] = all
  for (const record of [running, exited, damaged, removed]) if (record !== undefined) store.run(record)
  if (exited !== undefined) store.exit(exited, 0)
  if (damaged !== undefined) store.damage(damaged)
  if (removed !== undefined) rmSync(containerDir(store.graphRoot, removed.id), { recursive: true })
  expect(
    surveyRunning(store.engine)
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual([running, damaged].flatMap(record => record?.id ?? []).toSorted())
})
