import { expect, test } from 'bun:test'
import { splitPath } from '#image/unpack-path.ts'

test('names are counted from the root of the layer, however they are written', () => {
  expect(splitPath('a/b/c')).toEqual({ path: 'a/b/c', parent: 'a/b', base: 'c' })
  for (const name of ['./a/b', '/a/b', 'a//b', 'a/./b', 'a/b/', '//a/b/.', './/./a/b//'])
    expect(splitPath(name)).toEqual({ path: 'a/b', parent: 'a', base: 'b' })
  for (const name of ['', '.', './', '/', '//', '/./'])
    expect(splitPath(name)).toEqual({ path: '', parent: '', base: '' })
})

test('dots are dots only when they stand alone', () => {
  expect(splitPath('..a/...').path).toBe('..a/...')
  expect(splitPath('.hidden').base).toBe('.hidden')
})

test('.. is refused wherever it stands', () => {
  for (const name of ['..', '../a', 'a/..', 'a/../b', '/../a', './..', 'a/b/../../..'])
    expect(() => splitPath(name)).toThrow('must not contain ".."')
})
