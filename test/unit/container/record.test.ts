import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkName, isName, randomName } from '#container/name.ts'
import {
  claimName,
  findContainer,
  holderOf,
  releaseName,
  releaseNameOfGone,
  renameContainer,
} from '#container/name-index.ts'
import {
  type ContainerId,
  type ContainerRecord,
  containerDir,
  listRecords,
  newContainerId,
  readRecord,
  writeRecord,
} from '#container/record.ts'
import { tryLock } from '#sys/lock.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'record-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** The text a promise fails with. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => 'no failure', String)
}

function make(name: string, id = newContainerId()): ContainerId {
  mkdirSync(containerDir(root, id), { recursive: true })
  writeRecord(root, { version: 1, id, name, request: { remove: false } } as unknown as ContainerRecord)
  return id
}

describe('records', () => {
  test('come back as they were written, and leave nothing else', () => {
    const id = make('web')
    expect(readRecord(root, id).name).toBe('web')
    expect(readdirSync(containerDir(root, id))).toEqual(['container.json'])
  })
  test('damaged ones are told apart, and keep nobody from the others', () => {
    const good = make('good')
    const bad = Object.fromEntries(
      ['', '{"version":1', 'null', '{"version":2}', `{"version":1,"id":"${good}"}`].map(text => {
        const id = make('x')
        writeFileSync(join(containerDir(root, id), 'container.json'), text)
        return [id, text]
      }),
    )
    mkdirSync(containerDir(root, newContainerId()))
    writeFileSync(join(root, 'containers', 'stray'), '')
    const { records, damaged } = listRecords(root)
    expect(records.map(record => record.id)).toEqual([good])
    expect(new Set(damaged.map(each => each.id as string))).toEqual(new Set(Object.keys(bad)))
    for (const { error } of damaged) expect(error.message).toContain('container.json": it')
  })
  test('there are none in a new store', () => {
    expect(listRecords(join(root, 'none'))).toEqual({ records: [], damaged: [] })
    expect(() => readRecord(root, newContainerId())).toThrow('no such container')
  })
})

describe('names', () => {
  test('belong to one container at a time', async () => {
    const first = make('web')
    const second = make('web')
    await claimName(root, 'web', first)
    await claimName(root, 'web', first)
    expect(await failureOf(claimName(root, 'web', second))).toContain(
      `the container name "web" is already in use by ${first}. You have to remove that container to be able to reuse that name: that name is already in use`,
    )
    await releaseName(root, 'web', second)
    expect(holderOf(root, 'web')).toBe(first)
    await releaseName(root, 'web', first)
    await claimName(root, 'web', second)
    expect(holderOf(root, 'web')).toBe(second)
  })
  test('of a container that is gone is free at once, and never taken from another', async () => {
    const [first, second] = [make('web'), make('web')]
    await claimName(root, 'web', first)
    releaseNameOfGone(root, 'web', second)
    expect(holderOf(root, 'web')).toBe(first)
    rmSync(containerDir(root, first), { recursive: true })
    mkdirSync(join(root, 'locks'), { recursive: true })
    using _lock = tryLock(join(root, 'locks', 'names')) // nobody waits for it
    releaseNameOfGone(root, 'web', first)
    expect(readdirSync(join(root, 'names'))).toEqual([])
    await claimName(root, 'web', second)
    expect(holderOf(root, 'web')).toBe(second)
  })
  test('many at once: exactly one wins', async () => {
    const ids = Array.from({ length: 20 }, () => make('web'))
    const results = await Promise.allSettled(ids.map(id => claimName(root, 'web', id)))
    const winners = ids.filter((_, index) => results[index]?.status === 'fulfilled')
    expect(winners.length).toBe(1)
    expect(holderOf(root, 'web')).toBe(winners[0])
  })
  test('what a crash left over does not hold a name', async () => {
    mkdirSync(join(root, 'names'))
    symlinkSync(newContainerId(), join(root, 'names', 'gone'))
    const other = make('other')
    symlinkSync(other, join(root, 'names', 'renamed'))
    const id = make('gone')
    await claimName(root, 'gone', id)
    expect(holderOf(root, 'renamed')).toBeUndefined()
    // a damaged record still has its name
    writeFileSync(join(containerDir(root, other), 'container.json'), '')
    expect(holderOf(root, 'renamed')).toBe(other)
  })
  test('renaming frees the old name and refuses a taken one', async () => {
    const id = make('a')
    const other = make('b')
    await claimName(root, 'a', id)
    await claimName(root, 'b', other)
    await renameContainer(root, id, 'c')
    expect([holderOf(root, 'a'), holderOf(root, 'c'), readRecord(root, id).name]).toEqual([undefined, id, 'c'])
    expect(existsSync(join(root, 'names', 'a'))).toBe(false)
    expect(await failureOf(renameContainer(root, id, 'b'))).toContain('already in use')
    expect(await failureOf(renameContainer(root, id, 'b/../c'))).toContain('names must match')
  })
})

describe('findContainer()', () => {
  test('finds by name, id and beginning of an id', async () => {
    const a = make('x', 'aa11'.padEnd(64, '0') as ContainerId)
    const b = make('aa1', 'aa12'.padEnd(64, '0') as ContainerId)
    await claimName(root, 'x', a)
    expect(findContainer(root, 'x')).toBe(a)
    expect(findContainer(root, a)).toBe(a)
    expect(findContainer(root, 'aa12')).toBe(b)
    expect(() => findContainer(root, 'aa1')).toThrow('more than one result for container name or ID "aa1"')
    await claimName(root, 'aa1', b)
    expect(findContainer(root, 'aa1')).toBe(b)
    for (const text of ['y', 'ff', '../x', '', 'A'.repeat(300)])
      expect(() => findContainer(root, text)).toThrow(`no container with name or ID "${text}" found: no such container`)
  })
})

test('names are checked in words that scripts know', () => {
  for (const name of ['a', 'A_1.b-c', '0']) expect(isName(name)).toBe(true)
  for (const name of ['', '-a', '.a', 'a b', 'a/b', 'a:b', 'ä'])
    expect(() => checkName('container', name)).toThrow('names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument')
  for (let round = 0; round < 200; round++) expect(randomName()).toMatch(/^[a-z]+_[a-z]+$/)
})
