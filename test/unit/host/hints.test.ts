import { describe, expect, test } from 'bun:test'
import { during, SystemCallError, TspodError } from '#errors.ts'
import { hintFor } from '#host/hints.ts'

describe('hintFor()', () => {
  test('gives the hint that an error brings, from anywhere in its causes', () => {
    const inner = new TspodError('DENIED', 'x', { hint: 'do this' })
    expect(hintFor(new Error('outer', { cause: inner }))).toBe('do this')
  })

  test('prefers the hint of the original failure over that of its clean-up', () => {
    const original = new TspodError('DENIED', 'x', { hint: 'original' })
    const cleanUp = new TspodError('DENIED', 'y', { hint: 'clean-up' })
    expect(hintFor(new SuppressedError(cleanUp, original))).toBe('original')
  })

  test('explains a full disk with the path it is about', () => {
    const error = during('pulling', new SystemCallError('openat', 'ENOSPC', 'no space left on device', '/tmp/x'))
    expect(hintFor(error)).toMatch(/no space is left for "\/tmp\/x" \(\w+, \d+ MiB\)/)
  })

  test('reads errors of node:fs as well', () => {
    const error = Object.assign(new Error('EROFS: read-only'), { code: 'EROFS', syscall: 'mkdir', path: '/home/x' })
    expect(hintFor(error)).toContain('"/home/x" is read-only')
  })

  test('explains a refused namespace', () => {
    expect(hintFor(new SystemCallError('unshare', 'ENOSPC', 'no space left on device'))).not.toContain('disk')
    expect(hintFor(new SystemCallError('unshare', 'EPERM', 'operation not permitted'))).toBeDefined()
  })

  test('says nothing where it knows nothing', () => {
    expect(hintFor(new SystemCallError('openat', 'ENOENT', 'no such file', '/x'))).toBeUndefined()
    expect(hintFor('text')).toBeUndefined()
    expect(hintFor(undefined)).toBeUndefined()
  })

  test('ends where an error is its own cause', () => {
    const error = new Error('loop')
    error.cause = error
    expect(hintFor(error)).toBeUndefined()
  })
})
