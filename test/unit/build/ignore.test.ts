import { expect, test } from 'bun:test'
import { ignoreRules, parseIgnore } from '#build/context/ignore.ts'

const left = (rules: string, ...paths: string[]): string[] => {
  const { ignores } = ignoreRules(parseIgnore(rules))
  return paths.filter(path => !ignores(path))
}

test('names, wildcards and folders with all that is in them', () => {
  expect(left('node_modules\n*.log\n', 'a', 'node_modules', 'node_modules/x/y', 'b.log', 'sub/b.log')).toEqual([
    'a',
    'sub/b.log',
  ])
  expect(left('/build/\n./tmp', 'build/x', 'tmp', 'sub/build')).toEqual(['sub/build'])
  expect(left('a/*/c', 'a/b/c', 'a/b/b/c', 'a/c')).toEqual(['a/b/b/c', 'a/c'])
  expect(left('file?.[ch]', 'file1.c', 'file.c', 'file1.x')).toEqual(['file.c', 'file1.x'])
})

test('** stands for any folders', () => {
  expect(left('**/*.md', 'a.md', 'x/y/b.md', 'a.txt')).toEqual(['a.txt'])
  expect(left('docs/**/x', 'docs/x', 'docs/a/b/x', 'docs/a')).toEqual(['docs/a'])
  expect(left('**', 'a', 'a/b')).toEqual([])
})

test('an exception takes back, and the last pattern decides', () => {
  expect(left('*\n!src\n!package.json', 'src', 'src/a/b.ts', 'package.json', 'README')).toEqual([
    'src',
    'src/a/b.ts',
    'package.json',
  ])
  expect(left('*.md\n!README*.md\nREADME-secret.md', 'README.md', 'README-secret.md', 'a.md')).toEqual(['README.md'])
  expect(left('!README.md\n*.md', 'README.md')).toEqual([])
})

test('comments and empty lines count for nothing', () => {
  expect(left('# *\n\n   \n#x', 'a', '#x')).toEqual(['a', '#x'])
})

test('a folder of which something may be left is looked into', () => {
  const rules = ignoreRules(parseIgnore('*\n!src/keep'))
  expect(['src', 'other', 'src/keep'].map(rules.ignoresAll)).toEqual([false, true, false])
  expect(ignoreRules(['*', '!**/x']).ignoresAll('any')).toBe(false)
})
