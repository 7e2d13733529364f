// A user without subordinate ids: one id is mapped, and everything that can work with one does.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { chmodSync, chownSync, copyFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '#test/needs.ts'
import { makeStranger, type Stranger, strangerId } from './stranger.ts'

const asRoot = needs('root', 'tspod', 'fixtures')
let user: Stranger

beforeAll(() => {
  if (process.getuid?.() !== 0 || process.env.TSPOD_TEST_FIXTURES === undefined) return
  user = makeStranger()
  const archive = join(user.home, 'alpine.tar')
  copyFileSync(join(process.env.TSPOD_TEST_FIXTURES, 'alpine.tar'), archive)
  chmodSync(archive, 0o644)
  expect(user.tspod(['load', '-q', '-i', archive])).toMatchObject({ status: 0 })
}, 60_000)
afterAll(() => user?.[Symbol.dispose]())

function ok(...args: string[]): string {
  const { status, stdout, stderr } = user.tspod(args)
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout.replace(/\n$/, '')
}
const sh = (options: string[], script: string) =>
  ok('run', '--rm', '--network', 'none', ...options, 'alpine', 'sh', '-c', script)
const refusal = (...options: string[]) => {
  const { status, stderr } = user.tspod(['run', '--rm', '--network', 'none', ...options, 'alpine', 'true'])
  return { status, stderr }
}

describe('with one id', () => {
  asRoot('info says so', () => {
    expect(ok('info', '-f', 'json')).toContain('"rootlessMode": "single"')
  })

  asRoot('an image unpacks and runs; all its files are the caller, who is root', () => {
    expect(
      sh(
        [],
        'id -u; stat -c %u /etc/passwd /home/app; touch /root/x /home/app/y && echo wrote; cat /proc/self/setgroups',
      ),
    ).toBe('0\n0\n0\nwrote\ndeny')
  })

  asRoot('giving files to others fails as the kernel says', () => {
    expect(sh([], 'chown app /root 2>&1 || echo refused')).toBe('chown: /root: Invalid argument\nrefused')
  })

  asRoot('keep-id is the caller under any id', () => {
    const folder = user.folder('kept')
    expect(
      sh(['--userns', 'keep-id', '-v', `${folder}:/w`], 'id -u; id -g; touch /w/f; stat -c %u /w/f /etc/passwd'),
    ).toBe(`${strangerId}\n${strangerId}\n${strangerId}\n${strangerId}`)
    expect(statSync(join(folder, 'f')).uid).toBe(strangerId)
    expect(
      sh(['--userns', 'keep-id:uid=1000,gid=1000', '--user', 'app'], 'id -un; touch /home/app/f && echo wrote'),
    ).toBe('app\nwrote')
  })

  asRoot('another user is refused, with what would help', () => {
    for (const option of [
      ['--user', '1000'],
      ['--user', 'app'],
      ['--user', '0:5'],
      ['--group-add', 'audio'],
    ]) {
      const { status, stderr } = refusal(...option)
      expect({ option, status }).toEqual({ option, status: 125 })
      expect(stderr).toMatch(/(user|group) id \d+ is not mapped/)
      expect(stderr).toContain('keep-id:uid=')
    }
  })

  asRoot('auto and nomap are refused, and say why', () => {
    for (const mode of ['auto', 'nomap']) {
      const { status, stderr } = refusal('--userns', mode)
      expect({ mode, status }).toEqual({ mode, status: 125 })
      expect(stderr).toContain(`--userns ${mode} needs subordinate ids, and this user has none`)
    }
  })

  asRoot('volumes, :U, :O, images, a tmpfs, --init, --privileged, a terminal', () => {
    const folder = user.folder('source')
    writeFileSync(join(folder, 'f'), 'below\n')
    chownSync(join(folder, 'f'), strangerId, strangerId)
    const options = [
      '-v',
      '/data',
      '-v',
      `${folder}:/u:U`,
      '-v',
      `${folder}:/o:O`,
      '--tmpfs',
      '/etc',
      '--init',
      '--privileged',
      '-t',
    ]
    const text = sh(
      [...options, '--mount', 'type=image,src=alpine,dst=/img'],
      'touch /data/x /u/x /o/y && cat /o/f /img/etc/alpine-release /etc/alpine-release; tty',
    )
    expect(text.replaceAll('\r', '')).toBe('below\n3.20.0\n3.20.0\n/dev/pts/0')
  })

  asRoot('exec, cp, export, a second start', () => {
    ok('run', '-d', '--name', 'one', '--network', 'none', 'alpine', 'sleep', '1000')
    expect(ok('exec', 'one', 'id', '-u')).toBe('0')
    expect(user.tspod(['exec', '--user', 'app', 'one', 'id'])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('is not mapped'),
    })
    expect(ok('cp', 'one:/etc/alpine-release', '-')).toContain('3.20.0')
    ok('restart', '-t', '0', 'one')
    expect(ok('exec', 'one', 'cat', '/etc/alpine-release')).toBe('3.20.0')
    ok('rm', '-f', '-t', '0', 'one')
  })
})
