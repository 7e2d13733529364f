import { expect, test } from 'bun:test'
import { DetachScanner } from '#monitor/client/detach-scanner.ts'

/** What passes of the pieces typed, and `!` where the sequence is complete. */
function type(keys: string, ...pieces: string[]): string {
  const scanner = new DetachScanner(Buffer.from(keys))
  return pieces
    .map(piece => scanner.scan(Buffer.from(piece)))
    .map(({ pass, isComplete }) => pass.toString() + (isComplete ? '!' : ''))
    .join('|')
}

test('the sequence detaches, in one read or in several', () => {
  expect(type('pq', 'lspq')).toBe('ls!')
  expect(type('pq', 'lsp', 'q')).toBe('ls|!')
  expect(type('pqr', 'p', 'q', 'r')).toBe('||!')
})

test('a beginning that does not go on is passed on, complete and in order', () => {
  expect(type('pq', 'p', 'x')).toBe('|px')
  expect(type('pq', 'pxpp', 'z')).toBe('pxp|pz')
})

test('a sequence that overlaps itself is found', () => {
  expect(type('aab', 'aaab')).toBe('a!')
  expect(type('aab', 'a', 'a', 'a', 'b')).toBe('||a|!')
  expect(type('abac', 'abab', 'ac')).toBe('ab|!')
})

test('no keys, no detaching', () => {
  expect(type('', 'anything')).toBe('anything')
})
