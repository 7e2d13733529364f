import { expect, test } from 'bun:test'
import { suggest } from '#cli/suggest.ts'

const words = ['run', 'rm', 'rmi', 'restart', 'images', 'inspect', 'ps', 'stop']

test('near words are suggested, nearest first', () => {
  expect(suggest('imgaes', words)).toEqual(['images'])
  expect(suggest('rmm', words)).toEqual(['rm', 'rmi'])
  expect(suggest('insp', words)).toEqual(['inspect'])
})

test('far words are not', () => {
  expect(suggest('frobnicate', words)).toEqual([])
  expect(suggest('pod', words)).toEqual([])
})
