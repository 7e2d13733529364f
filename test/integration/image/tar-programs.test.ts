// Our tar reader and writer against GNU tar: every format it writes, and what it reads of ours.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { archive, entry, readArchive } from '#test/unit/image/_tar.ts'

const folder = mkdtempSync(join(tmpdir(), 'tar-'))
const tree = join(folder, 'tree')
const deep = 'deep/'.repeat(60)
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(() => {
  mkdirSync(join(tree, deep), { recursive: true })
  writeFileSync(join(tree, deep, 'end'), 'far down')
  writeFileSync(join(tree, 'n'.repeat(200)), 'long name')
  writeFileSync(join(tree, 'müsli'), 'not ASCII')
  symlinkSync('t'.repeat(180), join(tree, 'symlink'))
  writeFileSync(join(tree, 'one'), 'linked')
  linkSync(join(tree, 'one'), join(tree, 'two'))
  execFileSync('touch', ['-d', '@-3.5', join(tree, 'one')])
  const sparse = openSync(join(tree, 'sparse'), 'w')
  for (let at = 0; at < 40; at++) writeSync(sparse, `piece ${at}`, at * 1_000_000)
  closeSync(sparse)
  truncateSync(join(tree, 'sparse'), 50_000_000)
  const empty = join(tree, 'hole')
  writeFileSync(empty, '')
  truncateSync(empty, 3_000_000)
})

const variants: [string, string[]][] = [
  ['gnu', ['--format=gnu', '--sparse']],
  ['oldgnu', ['--format=oldgnu', '--sparse']],
  ['pax, sparse 0.0', ['--format=pax', '--sparse', '--sparse-version=0.0']],
  ['pax, sparse 0.1', ['--format=pax', '--sparse', '--sparse-version=0.1']],
  ['pax, sparse 1.0', ['--format=pax', '--sparse', '--sparse-version=1.0']],
  ['pax with global headers', ['--format=pax', '--pax-option=globexthdr.name=g,comment=all', '--sparse']],
]

describe('archives of GNU tar are read', () => {
  for (const [name, options] of variants)
    test(name, () => {
      const file = join(folder, 'x.tar')
      execFileSync('tar', ['-C', tree, ...options, '--sort=name', '-cf', file, '.'])
      const bytes = readFileSync(file)
      const members = new Map(readArchive(bytes, 4099).map(member => [member.path.replace(/^\.\//, ''), member]))
      expect(members.get(`${deep}end`)?.content).toBe('far down')
      expect(members.get('n'.repeat(200))?.content).toBe('long name')
      expect(members.get(Buffer.from('müsli').toString('latin1'))?.content).toBe('not ASCII')
      expect(members.get('symlink')).toMatchObject({ type: 'symlink', linkPath: 't'.repeat(180) })
      expect(members.get('two')).toMatchObject({ type: 'link', linkPath: './one' })
      expect(members.get('one')?.modified.seconds).toBe(-4)
      const sparse = members.get('sparse')
      expect(sparse?.size).toBe(50_000_000)
      const image = Buffer.alloc(50_000_000)
      let at = 0
      for (const [offset, length] of sparse?.pieces ?? []) {
        image.write(sparse?.content.slice(at, at + length) ?? '', offset, 'latin1')
        at += length
      }
      expect(image.equals(readFileSync(join(tree, 'sparse')))).toBe(true)
      expect(bytes.byteLength).toBeLessThan(2_000_000)
      expect(members.get('hole')).toMatchObject({ size: 3_000_000, content: '' })
    })
})

test('GNU tar unpacks what we write', () => {
  const out = join(folder, 'out')
  mkdirSync(out)
  const bytes = archive(
    entry('a', { type: 'directory', mode: 0o750 }),
    [entry(`a/${'x'.repeat(180)}`, { modified: { seconds: 1_600_000_000, nanoseconds: 250_000_000 } }), 'content'],
    [entry(`${'d/'.repeat(70)}f`), 'prefix'],
    entry('link', { type: 'link', linkPath: `a/${'x'.repeat(180)}` }),
    entry('m\xc3\xbc', { type: 'symlink', linkPath: 'a' }),
  )
  execFileSync('tar', ['-C', out, '-xf', '-'], { input: bytes })
  expect(readFileSync(join(out, 'link'), 'utf8')).toBe('content')
  expect(statSync(join(out, 'link')).mtimeMs).toBe(1_600_000_000_250)
  expect(readFileSync(join(out, 'd/'.repeat(70), 'f'), 'utf8')).toBe('prefix')
  expect(statSync(join(out, 'mü')).mode & 0o777).toBe(0o750)
})
