// Paths beneath a folder: the kernel's way and our walk for old kernels must agree, and neither may ever lead outside.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errnoOf } from '#errors.ts'
import { type Fd, openFile } from '#sys/fd.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '#sys/flags.ts'
import { findBeneath, walkBeneath } from '#sys/open-beneath.ts'

const base = mkdtempSync(join(tmpdir(), 'beneath-'))
const top = join(base, 'top')
let root: Fd
beforeAll(() => {
  mkdirSync(join(top, 'a/b'), { recursive: true })
  mkdirSync(join(top, 'etc'))
  writeFileSync(join(top, 'etc/passwd'), 'inside')
  writeFileSync(join(top, 'a/file'), 'x')
  writeFileSync(join(base, 'secret'), 'outside')
  const links: Record<string, string> = {
    absolute: '/etc/passwd',
    up: '../../../../secret',
    'a/back': '../etc',
    'a/b/deep': '../../absolute',
    circle: 'circle2',
    circle2: 'circle',
    nowhere: '/gone/far',
    'a/chain': 'back/passwd',
    dots: '.././../a/./b/..',
    proc: '/proc/self/root',
    itself: '.',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(top, name))
  root = openFile(top, O_PATH | O_DIRECTORY)
})
afterAll(() => {
  root.close()
  rmSync(base, { recursive: true })
})

type Opener = typeof findBeneath

function outcome(open: Opener, path: string, flags: number): string {
  try {
    using fd = open(root.number, path, flags)
    return fd === undefined ? 'absent' : readlinkSync(`/proc/self/fd/${fd.number}`)
  } catch (error) {
    return errnoOf(error) ?? String(error)
  }
}

const names = [
  'a',
  'b',
  'etc',
  'passwd',
  'file',
  'absolute',
  'up',
  'back',
  'deep',
  'circle',
  'nowhere',
  'chain',
  'dots',
  'proc',
  'itself',
  '..',
  '.',
  '',
  'gone',
]

test('the walk and openat2 agree on every path of up to three names, and stay inside', () => {
  let compared = 0
  for (const flags of [O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_DIRECTORY])
    for (const one of names)
      for (const two of names)
        for (const three of ['', ...names]) {
          const path = [one, two, three].join('/')
          const kernel = outcome(findBeneath, path, flags)
          expect([path, flags, outcome(walkBeneath, path, flags)]).toEqual([path, flags, kernel])
          expect(kernel.startsWith('/') && kernel !== top && !kernel.startsWith(`${top}/`)).toBe(false)
          compared++
        }
  expect(compared).toBeGreaterThan(20_000)
})
