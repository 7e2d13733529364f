// Sources with mounts below them, and mounts that come and go: root makes them, a user's container sees them.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '#test/needs.ts'
import { makeStranger, type Stranger } from './stranger.ts'

const asRoot = needs('root', 'tspod')
let user: Stranger
let rootfs: string
let source: string

beforeAll(() => {
  if (process.getuid?.() !== 0) return
  user = makeStranger()
  rootfs = user.folder('rootfs')
  for (const name of ['bin', 'tmp', 'dev', 'proc', 'sys', 'etc', 'run', 's']) user.folder(`rootfs/${name}`)
  copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'))
  for (const name of ['sh', 'ls', 'touch', 'sleep', 'grep', 'awk', 'rm'])
    symlinkSync('busybox', join(rootfs, 'bin', name))
  source = join(user.home, 'source')
  mkdirSync(source)
  chmodSync(source, 0o777)
})
afterAll(() => user?.[Symbol.dispose]())

/** Runs a script in a container that binds the source, on which `before` has mounted something. */
function sh(option: string, script: string, before: string) {
  const args = [
    'run',
    '--rm',
    '--network',
    'none',
    '-v',
    `${source}:/s${option}`,
    '--rootfs',
    rootfs,
    'sh',
    '-c',
    script,
  ]
  return user.tspod(args, before)
}

const tree = () =>
  `mount -t tmpfs -o nosuid,nodev,noexec,noatime,mode=777 top ${source}; mkdir ${source}/sub; mount -t tmpfs -o mode=777 below ${source}/sub`

describe('mounts below a source', () => {
  asRoot('come along; ro holds for the uppermost, rro for all', () => {
    const script = 'for f in /s/x /s/sub/x; do touch $f 2>/dev/null && echo wrote || echo refused; done'
    expect(sh('', script, tree()).stdout).toBe('wrote\nwrote\n')
    expect(sh(':ro', script, tree()).stdout).toBe('refused\nwrote\n')
    expect(sh(':rro', script, tree()).stdout).toBe('refused\nrefused\n')
  })

  asRoot('cannot be left out', () => {
    const { status, stderr } = sh(':bind', 'true', tree())
    expect(status).toBe(125)
    expect(stderr).toContain('cannot be left out: bind it recursively')
  })

  asRoot('flags of the source stay, whatever is asked for', () => {
    const flags = `awk '$2 == "/s" { print $4 }' /proc/mounts`
    for (const option of ['', ':ro', ':exec,suid,dev']) {
      const { stdout, stderr } = sh(option, flags, tree())
      expect(stdout + stderr).toMatch(/nosuid,nodev,noexec,noatime/)
    }
  })
})

describe('a mount that the host makes later', () => {
  const script =
    'i=0; while [ $i -lt 50 ] && ! [ -e /s/sub/late ]; do sleep 0.1; i=$((i+1)); done; ls /s/sub; touch /s/seen'
  const before = () =>
    `mount -t tmpfs -o mode=777 top ${source}; mount --make-shared ${source}; mkdir ${source}/sub
     (sleep 1.5; mount -t tmpfs -o mode=777 late ${source}/sub; touch ${source}/sub/late) > /dev/null 2>&1 &`

  for (const word of ['slave', 'rslave', 'shared', 'rshared'])
    asRoot(`shows in a container with :${word}`, () => {
      expect(sh(`:${word}`, script, before())).toMatchObject({ stdout: 'late\n' })
    })

  asRoot('does not with :private, which is the default', () => {
    for (const option of ['', ':private', ':rprivate'])
      expect(sh(option, 'sleep 2.5; ls /s/sub', before())).toMatchObject({ status: 0, stdout: '' })
  })
})
