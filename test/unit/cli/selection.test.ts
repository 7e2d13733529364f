import { expect, test } from 'bun:test'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withRemovalStatus } from '#cli/removal-status.ts'
import { selectContainers, throwFailures } from '#cli/selection.ts'
import { TspodError } from '#errors.ts'

test('names, files with ids and the latest container are a selection', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tspod-')), 'id')
  writeFileSync(file, 'abc\n')
  expect(selectContainers({ cidfile: [file] }, ['web']).names).toEqual(['web', 'abc'])
  expect(selectContainers({ latest: true }, []).names).toEqual([{ latest: true }])
  expect(selectContainers({ all: true }, [])).toEqual({ names: [], all: true, filters: [], ignoreMissing: false })
})

test('a missing file of an id is no error with --ignore', () => {
  expect(() => selectContainers({ cidfile: ['/nowhere/id'] }, [])).toThrow('reading --cidfile "/nowhere/id"')
  expect(selectContainers({ cidfile: ['/nowhere/id'], ignore: true }, []).names).toEqual([])
})

test('nothing, or too much, is refused', () => {
  expect(() => selectContainers({}, [])).toThrow('you must provide at least one name or id')
  expect(() => selectContainers({ all: true }, ['web'])).toThrow('--all and arguments cannot be used together')
  expect(() => selectContainers({ all: true, latest: true }, [])).toThrow('--all and --latest cannot be used together')
  expect(() => selectContainers({ filter: ['name=x'] }, ['web'])).toThrow('--filter takes no arguments')
})

test('failures are thrown together, one as itself', () => {
  const one = new TspodError('IN_USE', 'one')
  expect(() => throwFailures([{}, { error: one }])).toThrow(one)
  expect(() => throwFailures([{ error: one }, { error: new TspodError('IN_USE', 'two') }])).toThrow(AggregateError)
  expect(() => throwFailures([{}])).not.toThrow()
})

test('the exit status of removals is 1 for missing ones only, 2 where something is in use, else 125', () => {
  const missing = { error: new TspodError('NOT_FOUND', 'a') }
  const used = { error: new TspodError('IN_USE', 'b', { hint: 'stop it' }) }
  const broken = { error: new TspodError('INTERNAL', 'c') }
  const statuses = (...results: { error?: TspodError }[]) =>
    withRemovalStatus(results).map(each => each.error?.exitCode)
  expect(statuses({}, missing)).toEqual([undefined, 1])
  expect(statuses(missing, used)).toEqual([2, 2])
  expect(statuses(missing, used, broken)).toEqual([125, 125, 125])
  expect(withRemovalStatus([used])[0]?.error?.hint).toBe('stop it')
})
