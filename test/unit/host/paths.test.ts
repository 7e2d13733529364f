import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePrivateFolder, longestSocketPath, privacyFault, socketPathBytes } from '#host/paths.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paths-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('ensurePrivateFolder()', () => {
  test('makes a folder, parents too, that only its user can enter', () => {
    const path = join(folder, 'a', 'b')
    ensurePrivateFolder(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    ensurePrivateFolder(path)
  })

  test('refuses a folder that others can write, naming its mode', () => {
    const path = join(folder, 'open')
    mkdirSync(path)
    chmodSync(path, 0o1777)
    expect(() => ensurePrivateFolder(path)).toThrow('has mode 1777')
  })

  test('refuses a symbolic link, even to a private folder', () => {
    mkdirSync(join(folder, 'target'), { mode: 0o700 })
    symlinkSync('target', join(folder, 'link'))
    expect(() => ensurePrivateFolder(join(folder, 'link'))).toThrow('is a symbolic link')
  })

  test('refuses a file', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => ensurePrivateFolder(join(folder, 'file'))).toThrow('is not a folder')
  })

  test('refuses what belongs to somebody else', () => {
    const path = join(folder, 'foreign')
    mkdirSync(path, { mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(path, 12_345, 12_345)
    expect(privacyFault(process.getuid?.() === 0 ? path : '/usr')).toMatch(/^belongs to uid \d+, must belong to uid/)
  })
})

test('socketPathBytes() counts bytes, not characters', () => {
  expect(socketPathBytes('/run/user/1000/tspod')).toBeLessThan(longestSocketPath)
  expect(socketPathBytes(`/${'ü'.repeat(50)}`)).toBe(1 + 100 + '/123456789012/attach'.length)
})
